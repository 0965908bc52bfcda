"""All parts of one simulated site, built once and passed to every route."""

from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Self

from shared.clock import Clock, SystemClock
from worker.simulator import defaults
from worker.simulator.auth import Authenticator
from worker.simulator.config import Deployment, RuntimeSettings, SimulatorConfig
from worker.simulator.counts import Counts
from worker.simulator.faults.rate_limits import BurstLimit, WriteLimit
from worker.simulator.faults.rules import FaultRules
from worker.simulator.search.index import SearchIndex
from worker.simulator.site.render import Renderer
from worker.simulator.site.seed import TicketGenerator
from worker.simulator.site.site import PROJECTS, Site
from worker.simulator.site.store import Event as ChangeEvent
from worker.simulator.site.store import Store
from worker.simulator.webhooks.payload import PayloadRenderer
from worker.simulator.webhooks.sender import WebhookSender
from worker.simulator.webhooks.webhook import Webhook


@dataclass(slots=True)
class Contents:
    """The tickets and what reads them: a reset replaces all of it at once."""

    store: Store
    renderer: Renderer
    index: SearchIndex
    generator: TicketGenerator
    payloads: PayloadRenderer
    writes: WriteLimit


@dataclass(slots=True)
class SimulatorState:
    """One site: its tickets, its authentication, limits, faults and webhooks."""

    config: SimulatorConfig
    clock: Clock
    site: Site
    contents: Contents
    authenticator: Authenticator
    faults: FaultRules
    counts: Counts
    burst: BurstLimit
    sender: WebhookSender
    settings: RuntimeSettings
    stopping: Event = field(default_factory=Event)

    @classmethod
    def build(cls, config: SimulatorConfig, *, base_url: str) -> Self:
        """A site filled with seed data whose ``self`` links begin with ``base_url``."""
        clock = SystemClock()
        site = Site(base_url, config.deployment, defaults.TIME_ZONE)
        state = cls(
            config=config,
            clock=clock,
            site=site,
            contents=_fill(clock, site, tickets=config.tickets),
            authenticator=Authenticator(config),
            faults=FaultRules(clock),
            counts=Counts(clock),
            burst=BurstLimit(clock, config.deployment),
            sender=WebhookSender(config, clock),
            settings=config.settings(),
        )
        state.connect_webhooks()
        return state

    def connect_webhooks(self) -> None:
        """Send webhooks for changes of tickets, at first to the configured webhook."""
        contents = self.contents
        payloads = contents.payloads

        def announce(change: ChangeEvent) -> None:
            for event in payloads.announced(change):
                self.sender.enqueue(event, payloads)
                if event.epic_id is not None:  # its history names the ticket, so it changed too
                    self.store.edit(event.epic_id, {}, notify=False)

        self.store.listen(announce)
        self.sender.webhooks[:] = _configured_webhooks(self.config)

    @property
    def store(self) -> Store:
        """The tickets."""
        return self.contents.store

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud."""
        return self.config.deployment is Deployment.CLOUD

    def reset(self, *, tickets: int) -> None:
        """Back to the seed data: tickets, faults, counts and settings."""
        self.contents = _fill(self.clock, self.site, tickets=tickets)
        self.sender.clear()
        self.connect_webhooks()
        self.faults.clear()
        self.counts.reset()
        self.burst = BurstLimit(self.clock, self.config.deployment)
        self.apply(self.config.settings())
        self.authenticator.failures = 0

    def apply(self, settings: RuntimeSettings) -> None:
        """Apply other settings."""
        self.settings = settings
        self.sender.retry_scale = settings.retry_scale

    def pause(self, seconds: float) -> None:
        """Wait, at most until the simulator stops."""
        if seconds > 0:
            self.stopping.wait(seconds)


def _fill(clock: Clock, site: Site, *, tickets: int) -> Contents:
    store = Store(clock=clock, projects=PROJECTS)
    draw = Random(defaults.RANDOM_SEED)  # noqa: S311  realistic tickets, not secrets
    generator = TicketGenerator(store, site, draw, store.now_ms())
    generator.create_seed(tickets=tickets)
    renderer = Renderer(site, store)
    return Contents(
        store=store,
        renderer=renderer,
        index=SearchIndex(store, zone=defaults.TIME_ZONE),
        generator=generator,
        payloads=PayloadRenderer(renderer),
        writes=WriteLimit(clock),
    )


def _configured_webhooks(config: SimulatorConfig) -> list[Webhook]:
    if config.webhook_url is None:
        return []
    return [Webhook(url=config.webhook_url, secret=config.webhook_secret)]
