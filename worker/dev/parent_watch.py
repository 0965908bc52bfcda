"""Run a program tied to its parent: when the parent dies in any way, the program gets a signal.

Started by path with `python -S`, so that it costs a few milliseconds, and replaced at once by the
program itself: `tether.py SIGNAL ACCOUNT PROGRAM [ARGUMENT …]`, where ACCOUNT is `uid:gid`, or `-`
to stay who we are. The tie is Linux's PR_SET_PDEATHSIG; it survives exec, and is cleared by a
change of account, hence the order below. Elsewhere the program just runs.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def _become(account: str) -> None:
    if account == "-":
        return
    uid, gid = (int(number) for number in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _tie(number: int) -> None:
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died while we asked
        sys.exit(1)


def main(arguments: list[str]) -> None:
    """Tie, then become the program."""
    number, account, *command = arguments
    _become(account)
    _tie(int(number))
    os.execv(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
