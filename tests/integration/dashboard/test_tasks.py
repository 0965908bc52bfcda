"""The tasks page, the page of one task, and what is done from them."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.states import Role
from tests.dsl import csrf_token, log_in, operator
from tests.support.data import seed


@pytest.fixture
def tasks(engine: Engine) -> list[str]:
    """Ids of a shop's tasks, the oldest first; the last three failed."""
    return seed.shop(engine, jobs=120)


@pytest.fixture
def pages(tasks: list[str], pages: FlaskClient) -> FlaskClient:
    assert tasks
    return pages


def _statuses(engine: Engine) -> dict[str, str]:
    with begin(engine) as session:
        return {row.id: row.status for row in session.execute(text("SELECT * FROM sync_tasks"))}


def _with(engine: Engine, status: str) -> list[str]:
    return [task for task, found in _statuses(engine).items() if found == status]


def _shown(page: str) -> list[str]:
    return [part.split('"', 1)[0] for part in page.split('<tr data-row data-key="')[1:]]


def _audit(engine: Engine) -> list[Any]:
    with begin(engine) as session:
        return list(session.execute(text("SELECT * FROM audit_events ORDER BY id")))


def test_a_list_shows_the_newest_first_and_goes_on_page_after_page(
    pages: FlaskClient, engine: Engine
) -> None:
    with begin(engine) as session:
        newest = list(
            session.scalars(text("SELECT id FROM sync_tasks ORDER BY created_at DESC, id DESC"))
        )
    address, seen = "/tasks", []
    while address:
        page = pages.get(address).text
        seen += _shown(page)
        _, _, rest = page.partition('rel="next"')
        before = page[: -len(rest)] if rest else ""
        address = before.rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&") if rest else ""
    assert seen == newest


@pytest.mark.parametrize("status", ["failed", "filled", "pending", "pending,running"])
def test_a_list_narrows_by_status(pages: FlaskClient, engine: Engine, status: str) -> None:
    expected = {task for one in status.split(",") for task in _with(engine, one)}
    shown = set(_shown(pages.get(f"/tasks?status={status}").text))
    assert shown
    assert shown <= expected
    assert len(shown) == min(len(expected), 50)


@pytest.mark.parametrize("words", ["PI-120", seed.HOSTILE_NAME, "revision C"])
def test_a_task_is_found_by_what_people_know(pages: FlaskClient, words: str) -> None:
    shown = _shown(pages.get(f"/tasks?q={quote(words)}").text)
    assert len(shown) == 1


def test_a_task_is_found_by_its_error_and_by_its_part_number(pages: FlaskClient) -> None:
    assert _shown(pages.get("/tasks?q=our+account+may+not+see").text)
    assert _shown(pages.get("/tasks?q=STL-BRACKET&status=filled").text)


def test_filters_stay_in_the_form_and_in_the_links(pages: FlaskClient) -> None:
    page = pages.get("/tasks?status=failed&errorCode=ticket_not_found&sort=createdAt&q=PI").text
    assert '<option value="ticket_not_found" selected>' in page
    assert '<input type="hidden" name="status" value="failed">' in page
    assert '<input type="hidden" name="sort" value="createdAt">' in page
    assert 'href="/tasks?errorCode=ticket_not_found&amp;q=PI&amp;sort=createdAt"' in page
    assert 'aria-sort="ascending"' in page


@pytest.mark.parametrize(
    "query", ["status=bogus", "sort=x", "cursor=x", "since=x", "within=x", "source=x", "q=%00"]
)
def test_a_filter_that_is_not_understood_is_refused_not_dropped(
    pages: FlaskClient, engine: Engine, query: str
) -> None:
    before = _statuses(engine)
    assert pages.get(f"/tasks?{query}").status_code == 400
    if not query.startswith(("sort", "cursor")):
        token = csrf_token(pages.get("/tasks").text)
        name, _, value = query.partition("=")
        form = {"scope": "matching", name: value.replace("%00", "\0"), "csrf_token": token}
        assert pages.post("/tasks/cancel", data=form).status_code == 400
    assert _statuses(engine) == before


def test_hostile_names_are_shown_as_they_are(pages: FlaskClient, tasks: list[str]) -> None:
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;"
    for address in (
        "/tasks?status=failed&q=PI-120",
        f"/tasks/{tasks[-1]}",
        f"/tasks/retry?scope=selected&id={tasks[-1]}",
        f"/tasks?q={quote(seed.HOSTILE_NAME)}",
    ):
        page = pages.get(address).text
        assert "<script>alert" not in page
        assert escaped in page


def test_the_page_of_a_task_shows_its_history(pages: FlaskClient, tasks: list[str]) -> None:
    page = pages.get(f"/tasks/{tasks[-1]}").text
    assert "Postponed" in page
    assert "Jira answered 503 Service Unavailable" in page
    assert "erp-pi-120" in page
    assert 'href="http://127.0.0.1:9/browse/PI-120"' in page
    assert f'name="id" value="{tasks[-1]}"' in page


def test_the_page_of_a_task_whose_job_was_deleted_still_shows_its_history(
    pages: FlaskClient, engine: Engine, tasks: list[str]
) -> None:
    with begin(engine) as session:
        session.execute(text("DELETE FROM jobs WHERE jira_ticket_key = 'PI-120'"))
    page = pages.get(f"/tasks/{tasks[-1]}")
    assert page.status_code == 200
    assert "The job was deleted" in page.text
    assert "data-retry" not in page.text


def test_an_unknown_task_is_a_page_that_says_so(pages: FlaskClient) -> None:
    answer = pages.get("/tasks/sync_nothing")
    assert answer.status_code == 404
    assert "SyncTask not found: sync_nothing" in answer.text


def _confirmed(pages: FlaskClient, address: str, **fields: str) -> Any:
    """Ask, then send the form of the page that asks; the page that comes after it."""
    page = pages.get(address).text
    form: dict[str, list[str]] = {}
    for part in page.split('<form method="post" action="/tasks/', 1)[1].split("<input ")[1:]:
        if 'type="hidden"' in part:
            name = part.split('name="', 1)[1].split('"')[0]
            form.setdefault(name, []).append(part.split('value="', 1)[1].split('"')[0])
    path = address.partition("?")[0]
    answer = pages.post(path, data={**form, **fields})
    assert answer.status_code == 303, answer.text
    return answer


def test_all_that_match_are_counted_then_retried_and_the_result_is_shown(
    pages: FlaskClient, engine: Engine
) -> None:
    failed = _with(engine, "failed")
    kept = set(_with(engine, "cancelled"))
    address = "/tasks/retry?scope=matching&status=failed"
    assert f"Retry {len(failed)} tasks?" in pages.get(address).text
    assert set(_with(engine, "failed")) == set(failed), "asking changes nothing"
    answer = _confirmed(pages, address, reason="the account has access now")
    assert answer.location == "/tasks?status=failed"
    assert f"{len(failed)} tasks retried." in pages.get(answer.location).text
    now = _statuses(engine)
    assert {now[task] for task in failed} == {"pending"}
    assert {now[task] for task in kept} == {"cancelled"}
    (event,) = _audit(engine)
    assert (event.action, event.actor_kind, event.reason) == (
        "retry",
        "open",
        "the account has access now",
    )
    assert event.counts["changed"] == len(failed)


def test_a_retry_says_when_it_would_bring_back_what_somebody_cancelled(
    pages: FlaskClient, engine: Engine
) -> None:
    number = len(_with(engine, "cancelled"))
    page = pages.get("/tasks/retry?scope=matching&q=WO-").text
    assert number
    assert f"{number} task" in page.split("confirm-notes", 1)[1]
    assert "had been cancelled" in page


def test_failures_of_one_cause_are_retried_and_no_others(
    pages: FlaskClient, engine: Engine
) -> None:
    with begin(engine) as session:
        chosen = set(
            session.scalars(text("SELECT id FROM sync_tasks WHERE error_code = 'ticket_not_found'"))
        )
    page = pages.get("/").text
    link = "/tasks/retry?scope=matching&amp;status=failed&amp;errorCode=ticket_not_found"
    assert link in page
    others = set(_with(engine, "failed")) - chosen
    assert chosen
    assert others
    address = link.replace("&amp;", "&") + "&back=overview"
    assert _confirmed(pages, address).location == "/"
    assert set(_with(engine, "failed")) == others


def test_some_are_cancelled_and_what_cannot_be_is_told(pages: FlaskClient, engine: Engine) -> None:
    chosen = [*_with(engine, "pending")[:2], _with(engine, "filled")[0]]
    query = "&".join(f"id={task}" for task in chosen)
    page = pages.get(f"/tasks/cancel?scope=selected&{query}").text
    assert "Cancel 2 tasks?" in page
    assert "1 task is left alone: already filled." in page
    answer = _confirmed(pages, f"/tasks/cancel?scope=selected&{query}")
    assert "2 tasks cancelled." in pages.get(answer.location).text
    now = _statuses(engine)
    assert [now[task] for task in chosen] == ["cancelled", "cancelled", "filled"]


def test_one_task_is_retried_from_its_page_and_the_audit_names_it(
    pages: FlaskClient, engine: Engine, tasks: list[str]
) -> None:
    address = f"/tasks/retry?scope=selected&id={tasks[-1]}&back=task"
    answer = _confirmed(pages, address)
    assert answer.location == f"/tasks/{tasks[-1]}"
    assert _statuses(engine)[tasks[-1]] == "pending"
    assert [(e.action, e.subject) for e in _audit(engine)] == [("retry", tasks[-1])]
    refused = pages.get(_confirmed(pages, address).location).text
    assert "It is waiting for its next try already" in refused


@pytest.mark.parametrize("query", ["scope=selected", "scope=", "", "scope=selected&id="])
def test_no_selection_never_means_everything(
    pages: FlaskClient, engine: Engine, query: str
) -> None:
    before = _statuses(engine)
    assert pages.get(f"/tasks/cancel?{query}").status_code == 400
    token = csrf_token(pages.get("/tasks").text)
    form = dict(part.split("=") for part in query.split("&") if part)
    answer = pages.post("/tasks/cancel", data={**form, "csrf_token": token})
    assert answer.status_code == 400
    assert _statuses(engine) == before


def test_the_last_hour_does_not_move_between_question_and_action(pages: FlaskClient) -> None:
    page = pages.get("/tasks/retry?scope=matching&status=failed&within=1h").text
    assert 'name="since" value="20' in page
    assert 'name="within"' not in page


def test_a_read_only_operator_sees_no_buttons_and_is_refused_the_actions(
    pages: FlaskClient, engine: Engine, tasks: list[str]
) -> None:
    operator(engine, role=Role.READ_ONLY)
    before = _statuses(engine)
    log_in(pages)
    for address in ("/", "/tasks?status=failed", f"/tasks/{tasks[-1]}"):
        page = pages.get(address).text
        assert "read-only" in page
        assert "/tasks/retry" not in page.replace('action="/tasks/retry">', "")
        assert "Retry" not in page.split("<dialog", 1)[0]
    assert pages.get(f"/tasks/retry?scope=selected&id={tasks[-1]}").status_code == 403
    token = csrf_token(pages.get("/tasks").text)
    form = {"scope": "matching", "status": "failed", "csrf_token": token}
    assert pages.post("/tasks/retry", data=form).status_code == 403
    assert _statuses(engine) == before


def test_what_an_operator_does_carries_their_name(pages: FlaskClient, engine: Engine) -> None:
    operator(engine)
    log_in(pages)
    _confirmed(pages, "/tasks/cancel?scope=matching&status=pending", reason="line stopped")
    (event,) = _audit(engine)
    assert (event.actor_kind, event.actor, event.reason) == ("operator", "ada", "line stopped")


def test_what_jira_holds_up_is_said_beside_each_task(pages: FlaskClient, engine: Engine) -> None:
    with begin(engine) as session:
        now = session.scalar(text("SELECT now()"))
        until = now + timedelta(minutes=5)
        seed.pause(session, "rate_limited", "Jira asked us to slow down.", until=until)
    assert (
        f"Waiting for Jira: limited until {until:%H:%M} UTC"
        in pages.get("/tasks?status=pending").text
    )
