"""Shutdown without waiting for Jira.

A warm shutdown lets each pool process finish its task. A Jira that hangs can make that take longer
than a supervisor waits before it kills. So the main process sends its pool a signal, and a process
in the middle of a call to Jira drops the call: the tasks it had claimed become due again at once.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNAL = signal.SIGUSR2


class ShutdownRequested(BaseException):
    """This process is to stop. Raised during a call to Jira only.

    It is no ``Exception``, so that no library swallows it.
    """


class _State:
    requested = False
    interruptible = False


def prepare_main() -> None:
    """Before the pool forks: the signal must not kill a process that has no handler yet."""
    signal.signal(_SIGNAL, signal.SIG_IGN)


def prepare_pool_process() -> None:
    """In a pool process: install the signal's handler."""
    signal.signal(_SIGNAL, _handle_signal)


def interrupt(pids: Iterable[int]) -> None:
    """Make these processes drop their calls to Jira and start no new one."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, _SIGNAL)


@contextmanager
def interruptible() -> Iterator[None]:
    """Wrap a call to Jira. Raises ShutdownRequested, at once if it was requested before."""
    _State.interruptible = True
    try:
        if _State.requested:
            raise ShutdownRequested
        yield
    finally:
        _State.interruptible = False


def _handle_signal(_number: int, _frame: FrameType | None) -> None:
    _State.requested = True
    if _State.interruptible:
        raise ShutdownRequested
