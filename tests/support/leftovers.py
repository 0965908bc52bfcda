"""What a test leaves running: threads and child processes that did not end with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import eventually

_GRACE_SECONDS = 10.0
"""A server's threads end a moment after the last connection to it was closed."""


@contextmanager
def none_left() -> Iterator[None]:
    """AssertionError if the block leaves a thread or a child process running."""
    threads, children = set(threading.enumerate()), child_processes()
    yield
    eventually(lambda: _assert_ended(threads, children), within=_GRACE_SECONDS, every=0.02)


def _assert_ended(threads: set[threading.Thread], children: set[int]) -> bool:
    left = [t for t in threading.enumerate() if t not in threads and not _of_a_server(t)]
    assert not left, f"threads left running: {left}"
    processes = child_processes() - children
    assert not processes, f"child processes left running: {[_command(p) for p in processes]}"
    return True


def _of_a_server(thread: threading.Thread) -> bool:
    """Whether it serves a module's own server: one connection, or the simulator started again."""
    return thread.name == "jira-simulator" or "process_request_thread" in thread.name


def child_processes() -> set[int]:
    """The processes that any thread of this one has started and not yet waited for."""
    tasks = Path("/proc/self/task")
    return {int(pid) for task in tasks.glob("*/children") for pid in _read(task).split()}


def _command(pid: int) -> str:
    return f"{pid} {_read(Path(f'/proc/{pid}/cmdline')).replace(chr(0), ' ')}"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""  # it ended meanwhile
