"""What the supervisor is told, and how its children's logs are read."""

import configparser
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.dev.logs import Follower
from worker.dev.programs import Program
from worker.dev.supervision import configuration

PROGRAMS = (
    Program(name="database", command=("/bin/db", "-D", "/a b/c"), stop_signal=signal.SIGINT),
    Program(name="once", command=("/bin/once", "100%"), keep=False),
)


def parsed(folder: Path) -> configparser.RawConfigParser:
    """The configuration as the supervisor's parser sees it."""
    text = configuration(PROGRAMS, socket=folder / "s.sock", logs=folder, password="pa%ss")
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(text)
    return parser


def test_programs_stop_in_the_reverse_of_the_order_they_start_in(tmp_path: Path) -> None:
    config = parsed(tmp_path)

    first, second = config["program:database"], config["program:once"]
    assert int(first["priority"]) < int(second["priority"])


def test_what_is_kept_is_restarted_and_what_runs_once_is_not(tmp_path: Path) -> None:
    config = parsed(tmp_path)

    assert config["program:database"]["autorestart"] == "true"
    assert config["program:once"]["autorestart"] == "false"
    assert config["program:once"]["startsecs"] == "0"


def test_odd_characters_in_commands_reach_the_supervisor_unharmed(tmp_path: Path) -> None:
    config = parsed(tmp_path)

    assert config["program:database"]["command"].endswith("/bin/db -D '/a b/c'")
    assert config["program:once"]["command"].endswith("/bin/once 100%%")


def test_a_program_is_tied_to_its_parent_with_the_signal_that_stops_it() -> None:
    tied = PROGRAMS[0].tethered()

    assert tied[2].endswith("parent_watch.py")
    assert tied[3:] == [str(int(signal.SIGINT)), "-", "/bin/db", "-D", "/a b/c"]


def test_lines_from_before_the_start_are_not_shown_again(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("old\n")
    follower = Follower(log)

    assert follower.lines() == []
    with log.open("a") as file:
        file.write("new\n")
    assert follower.lines() == ["new"]
    follower.close()


def test_a_line_is_shown_once_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    follower = Follower(log)

    log.write_bytes("grün".encode()[:3])
    assert follower.lines() == []
    with log.open("ab") as file:
        file.write("grün\n".encode()[3:])
    assert follower.lines() == ["grün"]
    follower.close()


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    follower = Follower(log)

    log.write_text("x" * 1_500_000)

    assert [len(line) for line in follower.lines()] == [1_500_000]
    follower.close()


@pytest.mark.parametrize("look_between", [True, False])
@given(
    batches=st.lists(
        st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"])), max_size=5),
        max_size=5,
    )
)
def test_no_line_is_lost_or_doubled_when_the_file_is_rotated(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]], *, look_between: bool
) -> None:
    """One rotation between two looks at most: the supervisor rotates after megabytes."""
    log = tmp_path_factory.mktemp("logs") / "a.log"
    log.touch()
    follower, seen = Follower(log), []
    for number, batch in enumerate(batches):
        with log.open("a") as file:
            file.writelines(f"{line}\n" for line in batch)
        if look_between:
            seen += follower.lines()
        log.rename(log.with_suffix(f".{number}"))
        log.touch()
        seen += follower.lines()
    follower.close()

    assert seen == [line for batch in batches for line in batch]
