"""Where PostgreSQL's files are for root: apart from the home, gone with it, and run from a copy."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from shared.errors import SettingsError
from worker.dev import places
from worker.dev.account import Account

ANOTHER = Account("another", os.geteuid(), os.getegid())
"""An account with a name, as root uses one; chown to ourselves needs no privilege."""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for PostgreSQL's files."""
    monkeypatch.setattr(places, "ROOM", tmp_path / "room")
    return tmp_path / "room"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """The link in a home."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "postgres"


def test_a_home_keeps_its_folder_and_another_gets_its_own(room: Path, link: Path) -> None:
    folder = places.folder_of(link, ANOTHER)
    assert folder.parent == room
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "data").mkdir()
    assert places.folder_of(link, ANOTHER) == folder
    (link.parent.parent / "other").mkdir()
    other = places.folder_of(link.parent.parent / "other" / "postgres", ANOTHER)
    assert other != folder
    assert (folder / "data").is_dir()


def test_data_of_an_earlier_version_moves_out_of_the_home(room: Path, link: Path) -> None:
    link.mkdir()
    (link / "PG_VERSION").write_text("18")
    folder = places.folder_of(link, ANOTHER)
    assert folder.parent == room
    assert (folder / "data" / "PG_VERSION").read_text() == "18"
    assert link.is_symlink()


def test_the_folder_of_a_home_that_is_gone_goes_too(room: Path, link: Path) -> None:
    folder = places.folder_of(link, ANOTHER)
    shutil.rmtree(link.parent)
    link.parent.mkdir()
    again = places.folder_of(link, ANOTHER)
    assert again != folder
    assert [entry.name for entry in room.iterdir()] == [again.name]


def test_only_a_folder_of_ours_is_deleted_with_its_link(room: Path, link: Path) -> None:
    folder = places.folder_of(link, ANOTHER)
    places.remove(link)
    assert not folder.exists()
    elsewhere = link.parent.parent / "elsewhere"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    places.remove(link)
    assert elsewhere.is_dir()
    assert not link.is_symlink()
    assert room.is_dir()


def test_where_no_folder_can_be_made_the_remedy_is_named(room: Path, link: Path) -> None:
    room.write_text("in the way")
    with pytest.raises(SettingsError, match="another user, or set DATABASE_URL"):
        places.folder_of(link, ANOTHER)


def test_programs_are_copied_where_the_account_cannot_enter(room: Path, tmp_path: Path) -> None:
    installed = tmp_path / "closed" / "package" / "pginstall"
    (installed / "bin").mkdir(parents=True)
    (installed / "bin" / "postgres").write_text("program")
    (tmp_path / "closed" / "package.libs").mkdir()
    (tmp_path / "closed").chmod(0o700)
    copy = places.programs_for(ANOTHER, installed)
    assert copy.parents[2] == room
    assert (copy.parents[1] / "package.libs").is_dir()
    assert (copy / "bin" / "postgres").read_text() == "program"
    assert stat.S_IMODE(room.stat().st_mode) == 0o755
    assert places.programs_for(ANOTHER, installed) == copy
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o700
    own = Account(None, os.geteuid(), os.getegid())
    assert places.programs_for(own, installed) == installed
