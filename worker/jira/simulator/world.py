"""All parts of one simulated site, built once and handed to whoever answers requests."""

from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Self

from shared.clock import Clock, SystemClock
from worker.jira.simulator.auth import Gatekeeper
from worker.jira.simulator.config import Deployment, Knobs, SimulatorConfig
from worker.jira.simulator.counts import Counts
from worker.jira.simulator.faults import FaultBook
from worker.jira.simulator.limits import BurstLimit, WriteLimit
from worker.jira.simulator.render import Renderer
from worker.jira.simulator.search import SearchIndex
from worker.jira.simulator.seed import Seeder
from worker.jira.simulator.site import PROJECTS, Site
from worker.jira.simulator.store import Store


@dataclass(slots=True)
class Contents:
    """The tickets and what reads them: replaced as a whole by a reset."""

    store: Store
    renderer: Renderer
    index: SearchIndex
    seeder: Seeder
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
    knobs: Knobs
    stopping: Event = field(default_factory=Event)

    @classmethod
    def build(cls, config: SimulatorConfig, *, base_url: str) -> Self:
        """A seeded site whose ``self`` links begin with ``base_url``."""
        clock = SystemClock()
        site = Site(base_url, config.deployment, config.time_zone)
        return cls(
            config=config,
            clock=clock,
            site=site,
            contents=_fill(config, clock, site, tickets=config.tickets),
            gatekeeper=Gatekeeper(config),
            faults=FaultBook(clock),
            counts=Counts(clock),
            burst=BurstLimit(clock, config.deployment),
            knobs=config.knobs(),
        )

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
        self.faults.clear()
        self.counts.reset()
        self.knobs = self.config.knobs()
        self.gatekeeper.failures = 0

    def pause(self, seconds: float) -> None:
        """Wait, but not past the end of the simulator."""
        if seconds > 0:
            self.stopping.wait(seconds)


def _fill(config: SimulatorConfig, clock: Clock, site: Site, *, tickets: int) -> Contents:
    store = Store(clock=clock, projects=PROJECTS)
    draw = Random(config.random_seed)  # noqa: S311  believable tickets, not secrets
    seeder = Seeder(store, site, draw, store.now_ms())
    seeder.run(tickets=tickets)
    return Contents(
        store=store,
        renderer=Renderer(site, store),
        index=SearchIndex(store, zone=config.time_zone),
        seeder=seeder,
        writes=WriteLimit(clock),
    )
