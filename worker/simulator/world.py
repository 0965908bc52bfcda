"""All parts of one simulated site, built once and handed to whoever answers requests."""

from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Self

from shared.clock import Clock, SystemClock
from worker.simulator.auth import Gatekeeper
from worker.simulator.config import Deployment, Knobs, SimulatorConfig
from worker.simulator.control.counts import Counts
from worker.simulator.faults.rate_limits import BurstLimit, WriteLimit
from worker.simulator.faults.rules import FaultBook
from worker.simulator.search.index import SearchIndex
from worker.simulator.site.render import Renderer
from worker.simulator.site.seed import Seeder
from worker.simulator.site.site import PROJECTS, Site
from worker.simulator.site.store import Store
from worker.simulator.webhooks.courier import Courier
from worker.simulator.webhooks.events import Announcer
from worker.simulator.webhooks.hooks import Hook


@dataclass(slots=True)
class Contents:
    """The tickets and what reads them: replaced as a whole by a reset."""

    store: Store
    renderer: Renderer
    index: SearchIndex
    seeder: Seeder
    announcer: Announcer
    writes: WriteLimit


@dataclass(slots=True)
class World:
    """One site: its tickets, its gatekeepers and its troubles."""

    config: SimulatorConfig
    clock: Clock
    site: Site
    contents: Contents
    gatekeeper: Gatekeeper
    faults: FaultBook
    counts: Counts
    burst: BurstLimit
    courier: Courier
    knobs: Knobs
    stopping: Event = field(default_factory=Event)

    @classmethod
    def build(cls, config: SimulatorConfig, *, base_url: str) -> Self:
        """A seeded site whose ``self`` links begin with ``base_url``."""
        clock = SystemClock()
        site = Site(base_url, config.deployment, config.time_zone)
        world = cls(
            config=config,
            clock=clock,
            site=site,
            contents=_fill(config, clock, site, tickets=config.tickets),
            gatekeeper=Gatekeeper(config),
            faults=FaultBook(clock),
            counts=Counts(clock),
            burst=BurstLimit(clock, config.deployment),
            courier=Courier(config, clock),
            knobs=config.knobs(),
        )
        world.listen()
        return world

    def listen(self) -> None:
        """Have webhooks follow the tickets, and the webhook of the configuration be there."""
        contents = self.contents
        self.store.listen(lambda event: self.courier.announce(event, contents.announcer))
        self.courier.hooks[:] = _configured_hooks(self.config)

    @property
    def store(self) -> Store:
        """The tickets."""
        return self.contents.store

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud."""
        return self.config.deployment is Deployment.CLOUD

    def reset(self, *, tickets: int) -> None:
        """Back to the seed: tickets, faults, counts and settings."""
        self.contents = _fill(self.config, self.clock, self.site, tickets=tickets)
        self.courier.forget()
        self.listen()
        self.faults.clear()
        self.counts.reset()
        self.burst = BurstLimit(self.clock, self.config.deployment)
        self.turn(self.config.knobs())
        self.gatekeeper.failures = 0

    def turn(self, knobs: Knobs) -> None:
        """Put other settings in force."""
        self.knobs = knobs
        self.courier.retry_scale = knobs.retry_scale

    def pause(self, seconds: float) -> None:
        """Wait, but not past the end of the simulator."""
        if seconds > 0:
            self.stopping.wait(seconds)


def _fill(config: SimulatorConfig, clock: Clock, site: Site, *, tickets: int) -> Contents:
    store = Store(clock=clock, projects=PROJECTS)
    draw = Random(config.random_seed)  # noqa: S311  believable tickets, not secrets
    seeder = Seeder(store, site, draw, store.now_ms())
    seeder.run(tickets=tickets)
    renderer = Renderer(site, store)
    return Contents(
        store=store,
        renderer=renderer,
        index=SearchIndex(store, zone=config.time_zone),
        seeder=seeder,
        announcer=Announcer(renderer),
        writes=WriteLimit(clock),
    )


def _configured_hooks(config: SimulatorConfig) -> list[Hook]:
    if config.webhook_url is None:
        return []
    return [Hook(url=config.webhook_url, secret=config.webhook_secret)]
