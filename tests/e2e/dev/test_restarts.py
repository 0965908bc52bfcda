"""A killed program is restarted, and waiting work is done."""

import os
import signal
from typing import Any

import psutil
import pytest

from tests.support.servers.stack import Stack, descendants
from tests.support.waiting import eventually

BACK_SECONDS = 15.0


def kill(running: Stack, program: str) -> None:
    """Kill -9, and wait until the program is restarted and all parts are alive."""
    pid = running.pid(program)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: running.pid(program) != pid, within=BACK_SECONDS)
    eventually(running.is_whole, within=BACK_SECONDS)
    running.processes()


@pytest.mark.parametrize("program", ["postgres", "valkey", "simulator", "api", "worker", "beat"])
def test_a_killed_program_is_up_again_within_seconds(running: Stack, program: str) -> None:
    kill(running, program)

    job = running.post("/api/jobs", {"name": program, "goalQuantity": 1, "jiraTicketKey": "PI-42"})
    assert job.status_code == 201

    def is_filled() -> Any:
        return running.get(f"/api/jobs/{job.json()['id']}")["jiraSync"]["status"] == "filled"

    eventually(is_filled, within=30)


@pytest.mark.parametrize("program", ["worker", "api"])
def test_the_pool_of_a_killed_program_goes_with_it(running: Stack, program: str) -> None:
    pool = descendants([running.pid(program)])
    assert pool

    kill(running, program)

    _, alive = psutil.wait_procs(pool, timeout=10)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_what_was_stored_before_the_database_was_killed_is_still_there(running: Stack) -> None:
    job = running.post("/api/jobs", {"name": "KEPT", "goalQuantity": 1}).json()

    kill(running, "postgres")

    assert running.get(f"/api/jobs/{job['id']}")["name"] == "KEPT"
