"""What operators do about Jira: resume after a pause, and have it examined."""

from flask import Response, flash, request
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from api.auth.bearer import current_actor
from api.dashboard.kit import words
from api.dashboard.kit.confirm import Confirmation, ask
from api.dashboard.kit.layout import go_on
from api.dashboard.kit.pages import Pages
from api.http.request_ids import request_id
from api.runtime import current_runtime, in_transaction, notify, transaction
from api.schemas.fields import NOT_A_KEY, issue_key
from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.broker.wakeups import Wakeup
from shared.health import examinations
from shared.states import Role, WaitCode
from shared.sync import pauses
from shared.sync import summary as sync_summary

_LOCKED = "Log in once with a browser as our account first, or Jira stays locked."

pages = Pages("jira_actions", __name__)


@pages.page("/jira/resume", role=Role.FULL)
def ask_resume() -> Response:
    """What is ended by a resume."""
    with transaction() as session:
        held = pauses.current(session)
        waiting = sum(
            number
            for status, number in sync_summary.counts(session).items()
            if status.value in ("pending", "running")
        )
    notes = [held.message] if held else []
    if held and held.code is WaitCode.CAPTCHA_LOCK:
        notes.append(_LOCKED)
    return ask(
        Confirmation(
            title="Resume Jira",
            question=f"Call Jira again now? {words.counted(waiting, 'task')} wait."
            if held
            else "There is no pause: nothing to resume.",
            verb="Resume",
            action="/jira/resume",
            back="/jira",
            total=1 if held else 0,
            notes=notes,
        )
    )


@pages.action("/jira/resume")
def resume() -> Response:
    """Call Jira again at once."""
    reason = request.form.get("reason", "").replace("\0", "").strip()[:255]
    context = AuditContext(actor=current_actor(), reason=reason or None, request_id=request_id())

    def work(session: Session) -> int:
        ended = pauses.resume(session)
        audit.write(session, AuditAction.RESUME, context, counts={"pauses": ended})
        return ended

    ended = in_transaction(work)
    notify()
    flash("Resumed." if ended else "There was no pause.", "good" if ended else "warn")
    return go_on("/jira")


@pages.action("/jira/examine")
def examine() -> Response:
    """Have a worker look at everything now, and try the mapping on a ticket."""
    typed = request.form.get("ticket", "").strip()
    try:
        key = issue_key(typed) if typed else None
    except PydanticCustomError:
        flash(f"The ticket's key {NOT_A_KEY}.", "bad")
        return go_on("/jira")
    name = current_actor().name
    asked = in_transaction(lambda session: examinations.request(session, ticket_key=key, by=name))
    current_runtime().notifier.notify(Wakeup.DOCTOR)
    if asked:
        flash("A worker looks now; what it finds shows here within half a minute.", "good")
    else:
        flash("A look is under way already: ask again when it has ended.", "warn")
    return go_on("/jira")
