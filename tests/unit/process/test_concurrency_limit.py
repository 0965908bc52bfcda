"""The limit on work for Jira: some of a worker's processes, never all."""

import os
import signal

from worker.process.concurrency_limit import ConcurrencyLimit


def test_two_processes_are_always_reserved_for_other_work() -> None:
    limit = ConcurrencyLimit(processes=4)
    with limit.acquire() as first, limit.acquire() as second, limit.acquire() as third:
        assert (first, second, third) == (True, True, False)
    with limit.acquire() as again:
        assert again
    limit.remove()


def test_a_folder_that_a_cleaner_took_away_is_created_again() -> None:
    limit = ConcurrencyLimit(processes=3)
    limit.remove()
    with limit.acquire() as first, limit.acquire() as second:
        assert (first, second) == (True, False)
    limit.remove()


def test_the_slot_of_a_process_that_was_killed_is_free_again() -> None:
    limit = ConcurrencyLimit(processes=3)
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with limit.acquire():
            os.write(tell, b"1")
            signal.pause()
    os.read(ready, 1)
    with limit.acquire() as free:
        assert not free
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with limit.acquire() as free:
        assert free
    limit.remove()
    os.close(ready)
    os.close(tell)
