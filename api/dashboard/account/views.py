"""An operator's own account: where it is logged in, and ending its sessions."""

from flask import Response, flash, request
from sqlalchemy.orm import Session

from api.auth.bearer import audit_context
from api.auth.sessions import current_session
from api.dashboard.kit.formats import counted
from api.dashboard.kit.layout import redirect_after_post, render_page
from api.dashboard.kit.pages import Pages
from api.runtime import in_transaction, transaction
from shared.accounts import audit, sessions
from shared.accounts.audit import AuditAction
from shared.accounts.sessions import IDLE_HOURS, LIFETIME_HOURS, OpenSession
from shared.errors import Kind, NotFoundError
from shared.states import Role

_LONGEST = 18
"""Digits of an id."""

pages = Pages("account_pages", __name__)


@pages.page("/account")
def account() -> Response:
    """The account and its sessions; open mode has none."""
    current = current_session()
    found = []
    if current is not None:
        with transaction() as session:
            found = sessions.live(session, current.operator.id)
    return render_page(
        "account",
        current=current,
        sessions=found,
        lifetime_hours=LIFETIME_HOURS,
        idle_hours=IDLE_HOURS,
    )


@pages.action("/account/sessions/end", role=Role.READ_ONLY)
def end_some() -> Response:
    """End one of the operator's own sessions, or all but this one: the field ``id`` says which."""
    current, which = _current(), request.form.get("id", "")
    ended = in_transaction(lambda session: _end(session, which, current))
    if ended:
        flash(f"{counted(ended, 'session')} ended.", "good")
    else:
        flash("That had ended before.", "warn")
    return redirect_after_post("/account")


def _end(session: Session, which: str, current: OpenSession) -> int:
    operator = current.operator
    if which == "others":
        ended = sessions.end_others(session, current)
    else:
        ended = int(sessions.end(session, _number(which), operator_id=operator.id))
    if ended:
        audit.write(
            session,
            AuditAction.SESSIONS_ENDED,
            audit_context(),
            subject=operator.name,
            counts={"ended": ended},
        )
    return ended


def _number(which: str) -> int:
    """The id that a form names; 0, which no session has, for anything else."""
    return int(which) if which.isascii() and which.isdigit() and len(which) <= _LONGEST else 0


def _current() -> OpenSession:
    current = current_session()
    if current is None:
        raise NotFoundError(Kind.OPERATOR, "open mode has none")
    return current
