"""Leaving: a worker that is asked to stop does not wait for Jira to answer.

A warm shutdown lets each pool process finish what it does, and a Jira that hangs can make that
longer than any supervisor waits before it kills. So the main process tells its pool with a signal,
and whoever is in the middle of a call to Jira drops it: what was claimed for it goes back at once.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNAL = signal.SIGUSR2


class ShutdownRequested(BaseException):
    """This process is to stop; raised out of a call to Jira alone. No library may swallow it."""


class _State:
    asked = False
    interruptible = False


def prepare_main() -> None:
    """Before the pool forks: a process too young to have its handler is not killed by the news."""
    signal.signal(_SIGNAL, signal.SIG_IGN)


def prepare_pool_process() -> None:
    """In a pool process: listen."""
    signal.signal(_SIGNAL, _asked)


def tell(pids: Iterable[int]) -> None:
    """Have these processes drop their calls to Jira, and begin none any more."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, _SIGNAL)


@contextmanager
def interruptible() -> Iterator[None]:
    """Around a wait for Jira. Raises Leaving, at once where this process was told before."""
    _State.interruptible = True
    try:
        if _State.asked:
            raise ShutdownRequested
        yield
    finally:
        _State.interruptible = False


def _asked(_number: int, _frame: FrameType | None) -> None:
    _State.asked = True
    if _State.interruptible:
        raise ShutdownRequested
