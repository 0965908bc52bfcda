"""The form that creates a job: a search for tickets, and the API's checks and messages."""

import hashlib
import json
import re
import secrets
from typing import Any, NamedTuple

from flask import Response, flash, g, request
from sqlalchemy.orm import Session

from api.auth.bearer import audit_context
from api.creation.new_jobs import create_jobs
from api.dashboard.jobs.form_values import number_of
from api.dashboard.kit.layout import redirect_after_post, render_page
from api.dashboard.kit.pages import Pages
from api.http.json_body import check_texts
from api.http.parameters import checked
from api.runtime import current_runtime, in_transaction, notify, transaction
from api.schemas.jobs import JobCreate
from shared.accounts import audit
from shared.accounts.audit import AuditAction
from shared.errors import InvalidInputError
from shared.jobs import idempotency
from shared.jobs.idempotency import KeptAnswer, KeyReusedError, Use
from shared.models import JIRA_FIELDS
from shared.states import Role
from shared.tickets import queries as ticket_queries
from shared.tickets import sites
from shared.tickets.queries import TicketFilter
from shared.tickets.ticket import TicketRow

CANDIDATES = 10
"""Tickets that a search shows at most."""
OFFERED = 50
"""The newest open tickets, which the field of the key suggests."""
_FIELDS = tuple(JobCreate.model_fields[name].alias or name for name in JobCreate.model_fields)
_HINTS = {"jiraTicketKey": "Its key, such as PI-42.", "jiraLabels": "Separated by commas."}
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_SAME_JOB = "This form has already created this job."
_SENT_BEFORE = (
    "This form has already created a job with other values. Send it again to create one more."
)

pages = Pages("new_job", __name__)


class _Created(NamedTuple):
    """The page of the job, the message to show there, and whether its ticket has to be read."""

    address: str
    message: str
    due: bool


@pages.page("/jobs/new", role=Role.FULL)
def new_job() -> Response:
    """The empty form, or one for the ticket ``?ticket=``; ``?find=`` searches for tickets."""
    text = _clean(request.args.get("find", ""))
    with transaction() as session:
        ticket = _ticket(session, request.args.get("ticket", ""))
        return _form(session, values=_proposed(ticket), find=text)


@pages.action("/jobs/new")
def create_job() -> Response:
    """Create the job, or show each problem beside its field and keep the input."""
    typed = {name: request.form.get(name, "") for name in _FIELDS}
    try:
        content = _content(typed)
        check_texts(content)
        draft = checked(JobCreate, content)
    except InvalidInputError as error:
        return _refused(typed, {one.field: one.message for one in reversed(error.problems)})
    try:
        created = in_transaction(lambda session: _once(session, draft, content))
    except KeyReusedError:
        return _refused(typed, {}, notice=_SENT_BEFORE)
    flash(created.message, "good")
    if created.due:
        notify()
    return redirect_after_post(created.address)


def _content(typed: dict[str, str]) -> dict[str, Any]:
    """The input as the body that a client of the REST API would send."""
    content: dict[str, Any] = {name: text for name, text in typed.items() if text.strip()}
    if quantity := content.get("goalQuantity", "").strip():
        content["goalQuantity"] = number_of(quantity)
    if labels := content.pop("jiraLabels", ""):
        parts = re.split(r"[,\n]", labels)
        content["jiraLabels"] = [label for part in parts if (label := part.strip())]
    return content


def _once(session: Session, draft: JobCreate, content: dict[str, Any]) -> _Created:
    """Create the job, once for each form: a second click leads to the same job."""
    use = Use(
        credential=_credential(),
        method="POST",
        path=request.path,
        key=_form_key(),
        fingerprint=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest(),
    )
    if kept := idempotency.claim(session, use):
        return _Created(kept.headers["Location"], _SAME_JOB, due=False)
    (view,) = create_jobs(session, [draft.draft()])
    context = audit_context()
    audit.write(session, AuditAction.CREATE, context, subject=view.job.id)
    address = f"/jobs/{view.job.id}"
    idempotency.keep(session, use, KeptAnswer(303, {"Location": address}, b""))
    if not view.due:
        return _Created(address, "Job created.", due=False)
    return _Created(address, f"Job created; {view.job.jira_ticket_key} is being read.", due=True)


def _credential() -> str:
    operator = g.get("operator")
    return "open" if operator is None else f"operator:{operator.id}"


def _form_key() -> str:
    sent = request.form.get("key", "")
    return sent if _KEY.fullmatch(sent) else secrets.token_urlsafe(24)


def _refused(typed: dict[str, str], problems: dict[str, str], *, notice: str = "") -> Response:
    by_field = {place.partition("[")[0]: message for place, message in problems.items()}
    with transaction() as session:
        return _form(session, values=typed, problems=by_field, notice=notice, status=400)


def _form(
    session: Session,
    *,
    values: dict[str, str],
    problems: dict[str, str] | None = None,
    find: str = "",
    notice: str = "",
    status: int = 200,
) -> Response:
    found = _candidates(session, find) if find else []
    return render_page(
        "new_job",
        status=status,
        values={name: text.replace("\0", "") for name, text in values.items()},
        problems=problems or {},
        jira_fields=JIRA_FIELDS,
        hints=_HINTS,
        notice=notice,
        find=find,
        candidates=found[:CANDIDATES],
        more=len(found) > CANDIDATES,
        offered=ticket_queries.page(
            session, TicketFilter(allowed=_allowed()), site_id=_site(session), limit=OFFERED
        ),
        ticket=_ticket(session, values.get("jiraTicketKey", "")),
        key=secrets.token_urlsafe(24),
    )


def _candidates(session: Session, text: str) -> list[TicketRow]:
    """Matching open tickets; if there are none, closed ones too."""
    for done in (False, None):
        filters = TicketFilter(q=text, done=done, allowed=_allowed())
        found = ticket_queries.page(session, filters, site_id=_site(session), limit=CANDIDATES + 1)
        if found:
            return found
    return []


def _ticket(session: Session, key: str) -> TicketRow | None:
    key = _clean(key)
    if not key:
        return None
    return ticket_queries.one(session, key, site_id=_site(session), allowed=_allowed())


def _allowed() -> tuple[str, ...]:
    return current_runtime().settings.allowed_projects


def _site(session: Session) -> int | None:
    return sites.current_id(session, current_runtime().settings)


def _proposed(ticket: TicketRow | None) -> dict[str, str]:
    """Name and quantity from the ticket; the Jira fields are filled later."""
    if ticket is None:
        return {"jiraTicketKey": _clean(request.args.get("ticket", ""))}
    return {
        "name": ticket.summary or ticket.key,
        "goalQuantity": str(ticket.quantity or ""),
        "jiraTicketKey": ticket.key,
    }


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()[:255]
