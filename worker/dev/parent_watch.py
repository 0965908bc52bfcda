"""Run a program that gets a signal when its parent dies, in whatever way.

Started by path with `python -S`, which costs a few milliseconds, and replaced by the program
itself: `parent_watch.py SIGNAL ACCOUNT PROGRAM [ARGUMENT …]`. ACCOUNT is `uid:gid`, or `-` for the
current account. It uses Linux's PR_SET_PDEATHSIG, which survives exec and is cleared by a change
of account: so the account is changed first. On other systems the program runs without the watch.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def _change_account(account: str) -> None:
    if account == "-":
        return
    uid, gid = (int(number) for number in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _request_signal(number: int) -> None:
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # the parent died in the meantime
        sys.exit(1)


def main(arguments: list[str]) -> None:
    """Request the signal, then become the program."""
    number, account, *command = arguments
    _change_account(account)
    _request_signal(int(number))
    os.execv(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
