"""Actions of the Jira page: end a pause, and have the doctor examine the system."""

from flask import Response, flash, request
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from api.auth.bearer import audit_context, current_actor
from api.dashboard.kit.action_flow import Confirmation, ask, sent_reason
from api.dashboard.kit.formats import counted
from api.dashboard.kit.layout import redirect_after_post
from api.dashboard.kit.pages import Pages
from api.runtime import current_runtime, in_transaction, notify, transaction
from api.schemas.fields import NOT_A_KEY, issue_key
from shared.accounts import audit
from shared.accounts.audit import AuditAction
from shared.broker.wakeups import Wakeup
from shared.health import examinations
from shared.settings.issue_keys import key_rules
from shared.states import Role, WaitCode
from shared.sync import pauses
from shared.sync import summary as sync_summary

_LOCKED = "First log in to Jira once with a browser as our account, or it stays locked."

pages = Pages("jira_actions", __name__)


@pages.page("/jira/resume", role=Role.FULL)
def ask_resume() -> Response:
    """Ask before a pause is ended."""
    with transaction() as session:
        pause = pauses.current(session)
        waiting = sum(
            number
            for status, number in sync_summary.counts(session).items()
            if status.value in ("pending", "running")
        )
    notes = [pause.message] if pause else []
    if pause and pause.code is WaitCode.CAPTCHA_LOCK:
        notes.append(_LOCKED)
    return ask(
        Confirmation(
            title="Resume Jira",
            question=f"Call Jira again now? {counted(waiting, 'task')} waiting."
            if pause
            else "There is no pause to end.",
            verb="Resume",
            action="/jira/resume",
            back="/jira",
            total=1 if pause else 0,
            notes=notes,
        )
    )


@pages.action("/jira/resume")
def resume() -> Response:
    """End the pause: Jira is called again at once."""
    context = audit_context(sent_reason())

    def work(session: Session) -> int:
        ended = pauses.resume(session)
        audit.write(session, AuditAction.RESUME, context, counts={"pauses": ended})
        return ended

    ended = in_transaction(work)
    notify()
    flash("Resumed." if ended else "There was no pause.", "good" if ended else "warn")
    return redirect_after_post("/jira")


@pages.action("/jira/examine")
def examine() -> Response:
    """Have a worker run the doctor now, and try the field mapping with a ticket."""
    typed = request.form.get("ticket", "").strip()
    rules = key_rules(current_runtime().settings)
    try:
        key = issue_key(typed, rules=rules) if typed else None
    except PydanticCustomError:
        flash(f"The ticket's key {NOT_A_KEY}.", "bad")
        return redirect_after_post("/jira")
    name = current_actor().name
    accepted = in_transaction(
        lambda session: examinations.request(session, ticket_key=key, by=name)
    )
    notify(Wakeup.DOCTOR)
    if accepted:
        flash(
            "A worker examines the system now: the findings appear here soon.",
            "good",
        )
    else:
        flash("An examination is already running: try again when it has ended.", "warn")
    return redirect_after_post("/jira")
