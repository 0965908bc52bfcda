"""The programs' logs on one terminal: every line once, complete, after its program's name."""

import os
import shutil
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Final

import click

from shared.printable import printable

_COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "bright_cyan", "bright_magenta")
_PAUSE_SECONDS: Final = 0.1
_LONGEST_LINE: Final = 1_000_000
_LOG_BYTES: Final = 5_000_000


class Follower:
    """Reads the lines that are appended to a log file from now on.

    A file of more than ``limit`` bytes is copied to ``NAME.log.1`` and emptied; its writer appends
    and does not notice.
    """

    def __init__(self, path: Path, *, limit: int = _LOG_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._rest = b""
        path.touch(mode=0o600)
        self._file = path.open("rb")
        self._file.seek(0, os.SEEK_END)

    def lines(self) -> list[str]:
        """The lines that have become complete since the last call."""
        content = self._rest + self._file.read()
        if self._file.tell() > self._limit:
            shutil.copy(self._path, self._path.with_suffix(".log.1"))
            content += self._file.read()
            os.truncate(self._path, 0)
            self._file.seek(0)
        *complete, self._rest = content.split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            complete, self._rest = [*complete, self._rest], b""
        return [printable(line.decode(errors="replace").rstrip("\r")) for line in complete]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Screen:
    """Prints the logs as they grow, in its own thread."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self._followers = {name: Follower(folder / f"{name}.log") for name in names}
        width = max(len(name) for name in names)
        self._prefixes = {
            name: click.style(f"{name:<{width}} | ", fg=_COLOURS[place % len(_COLOURS)])
            for place, name in enumerate(names)
        }
        self._last: dict[str, deque[str]] = {name: deque(maxlen=20) for name in names}
        self._ending = Event()
        self.broken = False
        self._thread = Thread(target=self._follow, name="logs", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Print the remaining lines and end the thread."""
        self._ending.set()
        self._thread.join()

    def last_lines(self, name: str) -> list[str]:
        """The newest lines of one program in this run."""
        return list(self._last[name])

    def say(self, text: str) -> None:
        """Print; ``broken`` is set once the reader is gone (`routecard dev | head`)."""
        if self.broken:
            return
        try:
            click.echo(text)
        except OSError:
            self.broken = True

    def _follow(self) -> None:
        while not self._ending.wait(_PAUSE_SECONDS):
            self._print()
        self._print()
        for follower in self._followers.values():
            follower.close()

    def _print(self) -> None:
        for name, follower in self._followers.items():
            lines = follower.lines()
            self._last[name].extend(lines)
            if lines:
                self.say("\n".join(self._prefixes[name] + line for line in lines))
