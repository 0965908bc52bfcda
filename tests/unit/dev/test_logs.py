"""How the logs of a stack's programs are read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.dev.logs import Follower


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


@given(
    batches=st.lists(
        st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"])), max_size=5),
        max_size=5,
    )
)
def test_no_line_is_lost_or_doubled_when_a_full_file_is_emptied(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]]
) -> None:
    log = tmp_path_factory.mktemp("logs") / "a.log"
    follower, seen = Follower(log, limit=8), []
    with log.open("a") as file:
        for batch in batches:
            file.writelines(f"{line}\n" for line in batch)
            file.flush()
            seen += follower.lines()
            assert log.stat().st_size <= 8
    follower.close()

    assert seen == [line for batch in batches for line in batch]


def test_a_full_file_is_kept_once_beside_the_new_one(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    follower = Follower(log, limit=8)
    log.write_text("123456789\n")

    follower.lines()
    follower.close()

    assert log.read_text() == ""
    assert (tmp_path / "a.log.1").read_text() == "123456789\n"
