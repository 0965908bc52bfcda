"""Pool slots for Jira: some of a worker's processes, never all."""

import os
import signal

from worker.process.concurrency_limit import ConcurrencyLimit


def test_two_processes_are_always_kept_free_of_jira() -> None:
    slots = ConcurrencyLimit(processes=4)
    with slots.take() as first, slots.take() as second, slots.take() as third:
        assert (first, second, third) == (True, True, False)
    with slots.take() as again:
        assert again
    slots.remove()


def test_a_folder_that_a_cleaner_took_away_is_made_anew() -> None:
    slots = ConcurrencyLimit(processes=3)
    slots.remove()
    with slots.take() as first, slots.take() as second:
        assert (first, second) == (True, False)
    slots.remove()


def test_the_slot_of_a_process_that_was_killed_is_free_again() -> None:
    slots = ConcurrencyLimit(processes=3)
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with slots.take():
            os.write(tell, b"1")
            signal.pause()
    os.read(ready, 1)
    with slots.take() as free:
        assert not free
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with slots.take() as free:
        assert free
    slots.remove()
    os.close(ready)
    os.close(tell)
