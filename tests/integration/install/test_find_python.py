"""`make` chooses a Python that can run Routecard, or says what is wrong with those it found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.locks import ROOT

STANDS_FOR = """#!/bin/sh
exec {python} -c 'import sys; {change}; exec(sys.stdin.read())'
"""


def find_python(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script on a machine that has the programs of this folder, and sh."""
    return subprocess.run(  # noqa: S603  our own script
        ["/bin/sh", ROOT / ".ci" / "find-python", *arguments],
        check=False,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
    )


def put(folder: Path, name: str, change: str = "pass") -> Path:
    """A Python of this name that differs from the one that runs this."""
    path = folder / name
    path.write_text(STANDS_FOR.format(python=sys.executable, change=change))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("sys.version_info = (3, 10, 13)", "python3: Python 3.10 is too old"),
        ("sys.version_info = (3, 15, 0)", "python3: Python 3.15 is too new"),
        ('sys.modules["ensurepip"] = None', "has no venv (on Debian: apt install python3"),
        ("sys.exit(1)", "python3: cannot be started"),
    ],
)
def test_an_unsuitable_python_is_refused_in_clear_words(
    tmp_path: Path, change: str, words: str
) -> None:
    put(tmp_path, "python3", change)

    done = find_python(folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert "python3.12: not found" in done.stderr


def test_the_first_suitable_python_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "python3", "sys.version_info = (3, 15, 0)")
    suitable = put(tmp_path, "python3.13")
    put(tmp_path, "python3.12")

    assert find_python(folder=tmp_path).stdout == f"{suitable}{os.linesep}"


def test_the_python_that_was_named_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "python3")
    named = put(tmp_path, "mine")

    assert find_python(named, folder=tmp_path).stdout == f"{named}{os.linesep}"


def test_no_other_python_replaces_the_one_that_was_named(tmp_path: Path) -> None:
    put(tmp_path, "python3")

    done = find_python("python3.12", folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert "python3.12: not found" in done.stderr
