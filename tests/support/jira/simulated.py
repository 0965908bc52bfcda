"""A Jira for tests: the simulator over a real socket, and short calls for its controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from worker.simulator.config import SimulatorConfig
from worker.simulator.server import Simulator, make_simulator


class SimulatedJira:
    """The simulator and what tests do to it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.url = simulator.url

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call ``/_sim/…`` and return its JSON, if any."""
        answer = requests.request(method, f"{self.url}/_sim/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, kind: str, *, match: str = "* /rest/*", **more: Any) -> None:
        """Make matching calls go wrong, until ``heal``."""
        self.control("POST", "faults", [{"match": match, "fault": kind, **more}])

    def heal(self) -> None:
        """End all faults."""
        self.control("DELETE", "faults")

    def counts(self) -> dict[str, int]:
        """Calls so far by endpoint, without ``/_sim``."""
        counts: dict[str, int] = self.control("GET", "counts")["requests"]
        return counts

    def bulk_reads(self) -> int:
        """How many bulk reads were made so far."""
        return sum(n for name, n in self.counts().items() if "bulkfetch" in name)


@contextmanager
def simulated_jira(**config: Any) -> Iterator[SimulatedJira]:
    """A simulator on a free port."""
    with make_simulator(SimulatorConfig(port=0, **config)) as simulator:
        yield SimulatedJira(simulator)
