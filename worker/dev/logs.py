"""The children's logs on one screen: every line once, whole, under its program's name."""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from typing import BinaryIO, Final

import click

_COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "bright_cyan", "bright_magenta")
_PAUSE_SECONDS: Final = 0.1
_LONGEST_LINE: Final = 1_000_000


class Follower:
    """Reads a growing file that its writer renames away when it is full, as `tail -F` does.

    The supervisor writes the file, so that a slow screen never holds up a program. The old file
    is read to its end before the new one is opened, so that a rotation loses nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self._file: BinaryIO | None = _opened(path)
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> list[str]:
        """The lines that have become complete since the last call."""
        content = self._rest + self._read()
        while self._rotated():
            content += self._read()
            self._reopen()
            content += self._read()
        *whole, self._rest = content.split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> bytes:
        return b"" if self._file is None else self._file.read()

    def _rotated(self) -> bool:
        try:
            there = self._path.stat().st_ino
        except FileNotFoundError:
            return False
        return self._file is None or os.fstat(self._file.fileno()).st_ino != there

    def _reopen(self) -> None:
        self.close()
        self._file = _opened(self._path)


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


class Screen:
    """Prints the logs as they grow, from a thread of its own."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self._followers = {name: Follower(folder / f"{name}.log") for name in names}
        width = max(len(name) for name in names)
        self._prefixes = {
            name: click.style(f"{name:<{width}} | ", fg=_COLOURS[place % len(_COLOURS)])
            for place, name in enumerate(names)
        }
        self._last: dict[str, list[str]] = {name: [] for name in names}
        self._ending = Event()
        self._thread = Thread(target=self._follow, name="logs", daemon=True)
        self.broken = False

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def finish(self) -> None:
        """Print what is left, and end."""
        self._ending.set()
        self._thread.join()

    def last_lines(self, name: str, *, count: int = 20) -> list[str]:
        """The newest lines of one program in this run."""
        return self._last[name][-count:]

    def _follow(self) -> None:
        while not self._ending.wait(_PAUSE_SECONDS):
            self._print()
        self._print()
        for follower in self._followers.values():
            follower.close()

    def _print(self) -> None:
        text = []
        for name, follower in self._followers.items():
            lines = follower.lines()
            self._last[name] = [*self._last[name], *lines][-100:]
            text += [self._prefixes[name] + line for line in lines]
        if text:
            self.say("\n".join(text))

    def say(self, text: str) -> None:
        """Print; a reader that has gone away (`routecard dev | head`) is noted in ``broken``."""
        if self.broken:
            return
        try:
            click.echo(text)
        except OSError:
            self.broken = True
