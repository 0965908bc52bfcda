"""Where PostgreSQL's files are if we are root: it refuses to run as root, and has its own account.

That account cannot enter a home, nor many a folder that root can. So its data and sockets are in a
folder of its own below ``ROOM``, which the link ``postgres`` in the home names, and no other folder
changes its mode.
"""

import hashlib
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import Final

from shared.errors import SettingsError
from worker.dev.account import Account

ROOM: Final = Path("/var/lib/routecard-dev")
_OWNER: Final = "home"


def folder_of(link: Path, account: Account) -> Path:
    """The folder that ``link`` names, made for the account if there is none yet.

    Raises SettingsError if it cannot be made.
    """
    try:
        _make_room()
        if not link.is_symlink():
            _move_to(ROOM / secrets.token_hex(8), link)
        folder = link.readlink()
        account.own(folder)
        (folder / _OWNER).write_text(str(link))
    except OSError as error:
        raise SettingsError(
            f"PostgreSQL refuses to run as root, and its files cannot be kept below {ROOM}: "
            f"{error.strerror}. Run `routecard dev` as another user, or set DATABASE_URL."
        ) from None
    _remove_orphans()
    return folder


def _make_room() -> None:
    if not ROOM.is_dir():
        ROOM.mkdir(parents=True, exist_ok=True)
        ROOM.chmod(0o755)


def _move_to(folder: Path, link: Path) -> None:
    """Name the folder by the link; data that an earlier version kept in the home goes with it."""
    former = link.with_name(f"{link.name}.former")
    if link.is_dir():
        link.rename(former)
    link.symlink_to(folder)
    if former.is_dir():
        folder.mkdir(mode=0o700)
        shutil.move(former, folder / "data")


def _remove_orphans() -> None:
    """Delete the folders whose homes are gone."""
    for owner in ROOM.glob(f"*/{_OWNER}"):
        link = Path(owner.read_text())
        if not (link.is_symlink() and link.readlink() == owner.parent):
            shutil.rmtree(owner.parent, ignore_errors=True)


def remove(link: Path) -> None:
    """Delete a link and the folder that it names, if that is one of ours."""
    folder = link.readlink()
    if folder.parent == ROOM:
        shutil.rmtree(folder, ignore_errors=True)
    link.unlink()


def programs_for(account: Account, installed: Path) -> Path:
    """PostgreSQL's programs where this account can run them: as installed, else a copy."""
    if account.name is None or _all_may_enter(installed):
        return installed
    _make_room()
    package = installed.parent  # its libraries are beside it, and found by their relative place
    mark = f"{installed} {(installed / 'bin' / 'postgres').stat().st_mtime_ns}"
    copy = ROOM / f"programs-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    if not copy.exists():
        new = copy.with_name(f"{copy.name}.{os.getpid()}")
        new.mkdir()
        new.chmod(0o755)
        for folder in (package, *package.parent.glob(f"{package.name}.*libs")):
            shutil.copytree(folder, new / folder.name, symlinks=True)
        new.rename(copy)
    return copy / package.name / installed.name


def _all_may_enter(path: Path) -> bool:
    folders = [path.resolve(), *path.resolve().parents]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
