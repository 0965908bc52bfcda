"""Logging in to the dashboard."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.accounts import guesses, operators, sessions
from shared.accounts.guesses import Guess
from shared.accounts.operators import OperatorView, Secret
from shared.accounts.tokens import MAX_NAME
from shared.database.engine import in_transaction
from shared.errors import AppError
from shared.logs import get_logger

log = get_logger(__name__)

AT_ONCE = 8
"""Logins that a process works on; of them, two compute a hash and the others wait for it."""
_places = threading.BoundedSemaphore(AT_ONCE)


class BadLoginError(AppError):
    """Name or password is wrong; the message does not say which."""

    code = "bad_login"

    def __init__(self) -> None:
        super().__init__("Name or password is wrong.")


class LoginBusyError(AppError):
    """More logins at once than this process takes; the next is tried after ``seconds``."""

    code = "login_busy"
    seconds = 1

    def __init__(self) -> None:
        super().__init__("Too many logins at once. Try again in a second.")


@dataclass(frozen=True, slots=True)
class Client:
    """Where a login comes from: the address as text, and the browser's own description."""

    address: str
    user_agent: str


def log_in(engine: Engine, name: str, *, password: str, client: Client) -> str:
    """Begin a session for the operator of this name and password; returns its secret.

    Raises BadLoginError, LoginDelayedError, or LoginBusyError if others log in at the same time.
    """
    guess = Guess(name.strip()[: MAX_NAME + 1], client.address)
    with _place():
        counted, secret = in_transaction(engine, lambda s: _counted(s, guess))
        if not operators.verify(secret, password) or secret is None:
            log.warning("login_failed", operator=guess.name, address=client.address)
            raise BadLoginError
        operator = secret.operator
        opened = in_transaction(engine, lambda s: _opened(s, operator, client, counted))
    if opened is None:
        raise BadLoginError
    log.info("login_succeeded", operator=operator.name, address=client.address)
    return opened


@contextmanager
def _place() -> Iterator[None]:
    """One of few places: a flood of guesses takes neither all threads nor the memory."""
    if not _places.acquire(blocking=False):
        raise LoginBusyError
    try:
        yield
    finally:
        _places.release()


def _counted(session: Session, guess: Guess) -> tuple[list[str], Secret | None]:
    return guesses.count(session, guess), operators.secret_of(session, guess.name)


def _opened(
    session: Session, operator: OperatorView, client: Client, counted: Sequence[str]
) -> str | None:
    """The secret of a new session; None if the account was changed in the meantime."""
    if not operators.note_login(session, operator):
        return None
    guesses.forgive(session, counted)
    return sessions.begin(session, operator, address=client.address, user_agent=client.user_agent)
