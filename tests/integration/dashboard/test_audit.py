"""The audit list: who did what, to what, when and why, and the result."""

import re
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.accounts.credentials import Actor
from shared.database.engine import begin
from shared.models import BulkAction
from shared.states import ActorKind, FailureCode, Operation, TaskStatus
from shared.sync.queries import TaskFilter
from tests.support.data.bulk import start


def did(engine: Engine, action: AuditAction, *, by: str = "ada", **facts: Any) -> None:
    """Something was done."""
    actor = Actor(facts.pop("kind", ActorKind.OPERATOR), by)
    context = AuditContext(
        actor=actor, reason=facts.pop("reason", None), request_id=facts.pop("said", None)
    )
    with begin(engine) as session:
        audit.write(session, action, context, **facts)


def rows(page: str) -> list[str]:
    """The words of each row."""
    found = re.findall(r"<tr data-row.*?</tr>", page, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in found]


def test_an_empty_audit_list_says_so(pages: FlaskClient) -> None:
    assert "Nothing was done yet" in pages.get("/audit").text


def test_an_entry_shows_actor_action_subject_reason_and_result(
    pages: FlaskClient, engine: Engine
) -> None:
    did(engine, AuditAction.RETRY, subject="sync_1", reason="key <b>corrected</b>")
    did(engine, AuditAction.RESUME, kind=ActorKind.COMMAND, by="root", counts={"pauses": 1})
    page = pages.get("/audit").text
    assert 'href="/tasks/sync_1"' in page
    assert "<b>corrected" not in page
    resumed, retried = rows(page)
    assert "root on the command line Resumed Jira" in resumed
    assert resumed.endswith("1 pause ended")
    assert "ada on the dashboard Retried sync_1 key &lt;b&gt;corrected&lt;/b&gt;" in retried


def test_an_action_on_many_shows_its_filter_and_its_counts(
    pages: FlaskClient, engine: Engine
) -> None:
    context = AuditContext(actor=Actor(ActorKind.TOKEN, "erp"), reason="rights given")
    filters = TaskFilter(statuses=(TaskStatus.FAILED,), error_code=FailureCode.NO_PERMISSION)
    lease = start(engine, Operation.RETRY, filters, context=context)
    with begin(engine) as session:
        action = session.get_one(BulkAction, lease.action_id)
        action.matched, action.changed, action.skipped = 15, 12, {"already_filled": 3}
    (row,) = rows(pages.get("/audit").text)
    assert "erp by the API Retried all with status failed, cause no permission" in row
    assert "not finished 15 matched; 12 done; 3 already filled" in row


def test_entries_are_found_by_action_actor_reason_and_time(
    pages: FlaskClient, engine: Engine
) -> None:
    did(engine, AuditAction.REPLAY, subject="hook_1", reason="after the 100% outage", said="req-1")
    did(engine, AuditAction.CANCEL, by="grace", subject="sync_2", reason="ordered twice")
    for query in (
        "action=replay",
        "actor=ada",
        "q=100%25",
        "q=hook_1",
        "q=req-1",
        "subject=hook_1",
    ):
        (row,) = rows(pages.get(f"/audit?{query}").text)
        assert "hook_1" in row, query
    assert len(rows(pages.get("/audit?within=1h").text)) == 2
    assert rows(pages.get("/audit?q=%25&action=cancel").text) == []
    assert rows(pages.get("/audit?since=2999-01-01").text) == []


def test_what_is_not_understood_is_refused(pages: FlaskClient) -> None:
    for query in ("action=stole", "cursor=x", "cursor=LTE", "since=now", "within=1y"):
        assert pages.get(f"/audit?{query}").status_code == 400, query


def test_the_list_goes_on_page_by_page(pages: FlaskClient, engine: Engine) -> None:
    for number in range(55):
        did(engine, AuditAction.CREATE, subject=f"job_{number:02d}")
    first = pages.get("/audit?actor=ada").text
    address = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = pages.get(address.replace("&amp;", "&")).text
    shown = re.findall(r"job_(\d\d)</a>", first + second)
    assert shown == [f"{number:02d}" for number in reversed(range(55))]
