"""The page about Jira: state and resume, what the doctor found, the mapping on a ticket, limits."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from shared.database.engine import begin
from shared.health import examinations
from shared.models import AuditEvent, Examination
from shared.settings import Settings
from shared.states import Role, Source, WaitCode
from shared.sync import pauses
from tests.dsl import application, configured, csrf_token, ingest, log_in, operator, site_id, ticket
from tests.support.jira.simulated import SimulatedJira
from worker.doctor.examination import examine
from worker.polling.poll import poll
from worker.runtime import Runtime


@pytest.fixture
def settings(settings: Settings, jira: SimulatedJira) -> Settings:
    """The settings of a system on the test's Jira, with a field given by its name."""
    return configured(
        settings,
        jira_base_url=jira.url,
        jira_project=("PI",),
        jira_field_part_number="Part Number / Rev",
    )


def words(page: str) -> str:
    """The text of a page's content."""
    main = page.split("<main", 1)[1].split("</main", 1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def row_of(page: str, title: str) -> str:
    """The words of the table row that begins with this."""
    found = re.search(rf'<th scope="row">{title}</th>(.*?)</tr>', page, re.DOTALL)
    assert found, title
    return words(f"<main>{found.group(1)}</main>").strip("> ")


def send(pages: FlaskClient, address: str, **fields: str) -> Any:
    """Send a form of the page about Jira."""
    token = csrf_token(pages.get("/jira").text)
    return pages.post(address, data={"csrf_token": token, **fields})


def pause(engine: Engine, code: WaitCode, *, delay: float | None = 600, key: str = "x") -> None:
    """Jira is in trouble."""
    with begin(engine) as session:
        pauses.begin(session, credentials=key, code=code, message="Jira said no.", delay=delay)


def examinations_of(engine: Engine) -> list[Examination]:
    """All examinations in order."""
    with begin(engine) as session:
        return list(session.scalars(select(Examination).order_by(Examination.id)))


def test_the_page_stands_before_anything_ever_ran(pages: FlaskClient) -> None:
    page = words(pages.get("/jira").text)
    assert "Not called yet" in page
    assert "It has not done so yet: is a worker running?" in page
    assert "No poll has started yet" in page


def test_no_secret_is_shown(settings: Settings, engine: Engine) -> None:
    secrets = {
        "jira_email": "ada@example.com",
        "jira_api_token": "s3cret-token",
        "jira_webhook_secret": "s3cret-hook-of-the-shop",
    }
    changed = configured(settings, **secrets)
    with application(changed, engine) as app:
        page = app.test_client().get("/jira").text
    assert "API token of ada@example.com" in page
    assert "s3cret" not in page


def test_a_requested_examination_is_done_by_a_worker_and_its_findings_are_shown(
    pages: FlaskClient, runtime: Runtime, engine: Engine
) -> None:
    poll(runtime)
    assert send(pages, "/jira/examine", ticket="pi-42").status_code == 303
    assert "requested" in words(pages.get("/jira").text)
    assert examine(runtime)
    page = pages.get("/jira").text
    assert "requested by anonymous" in words(page)
    part_number = row_of(page, "Part number")
    assert part_number.startswith("Part Number / Rev customfield_")
    assert part_number.endswith("ALU-HOUSING-7075 same")
    assert row_of(page, "Quantity").endswith("50 same")
    assert "The worker has never run" in words(page)
    assert "No webhook secret is set" in words(page)
    assert "JIRA_WEBHOOK_SECRET" in words(page)
    (examination,) = examinations_of(engine)
    assert examination.ended_at is not None
    assert {one["name"] for one in examination.findings or []} >= {
        "jira",
        "credentials",
        "mapping",
        "poll",
    }


def test_an_examination_runs_by_itself_and_not_before_it_is_due(
    runtime: Runtime, engine: Engine
) -> None:
    assert examine(runtime)
    assert not examine(runtime)
    with begin(engine) as session:
        session.execute(text("UPDATE examinations SET ended_at = now() - interval '6 minutes'"))
    assert examine(runtime)
    assert [one.requested_by for one in examinations_of(engine)] == [None, None]


def test_a_ticket_once_chosen_is_tried_again_at_the_next_look(
    pages: FlaskClient, runtime: Runtime, engine: Engine
) -> None:
    send(pages, "/jira/examine", ticket="PI-42")
    examine(runtime)
    with begin(engine) as session:
        session.execute(text("UPDATE examinations SET ended_at = now() - interval '6 minutes'"))
    examine(runtime)
    assert [one.ticket_key for one in examinations_of(engine)] == ["PI-42", "PI-42"]


def test_a_ticket_that_jira_does_not_have_is_said(pages: FlaskClient, runtime: Runtime) -> None:
    send(pages, "/jira/examine", ticket="PI-999999")
    examine(runtime)
    assert "Jira has no ticket PI-999999" in words(pages.get("/jira").text)


def test_two_requests_make_one_examination_and_one_that_runs_is_not_disturbed(
    pages: FlaskClient, engine: Engine
) -> None:
    send(pages, "/jira/examine")
    send(pages, "/jira/examine", ticket="PI-42")
    (examination,) = examinations_of(engine)
    assert examination.ticket_key == "PI-42"
    with begin(engine) as session:
        claimed = examinations.claim(session)
    assert claimed is not None
    assert send(pages, "/jira/examine", ticket="PI-43").status_code == 303
    assert "already running" in pages.get("/jira").text
    (examination,) = examinations_of(engine)
    assert examination.ticket_key == "PI-42"


def test_an_examination_whose_worker_died_is_started_again(engine: Engine) -> None:
    with begin(engine) as session:
        first = examinations.claim(session)
    assert first is not None
    with begin(engine) as session:
        assert examinations.claim(session) is None
        session.execute(text("UPDATE examinations SET started_at = now() - interval '3 minutes'"))
        second = examinations.claim(session)
    assert second == first._replace(started_at=second.started_at)


def test_a_worker_whose_examination_was_started_again_ends_nothing(engine: Engine) -> None:
    finding = {"name": "jira", "status": "ok", "message": "Jira answers."}
    with begin(engine) as session:
        stale = examinations.claim(session)
        session.execute(text("UPDATE examinations SET started_at = now() - interval '3 minutes'"))
    with begin(engine) as session:
        current = examinations.claim(session)
        assert stale is not None
        assert current is not None
        examinations.finish(session, stale, findings=[finding], preview=None)
        assert examinations.latest(session) is None
        examinations.finish(session, current, findings=[finding], preview=None)
        assert examinations.latest(session).findings == [finding]


def test_only_the_newest_examinations_are_kept(engine: Engine) -> None:
    for _ in range(examinations.KEPT + 5):
        with begin(engine) as session:
            examinations.request(session, ticket_key=None, by="ada")
            claimed = examinations.claim(session)
            assert claimed is not None
            examinations.finish(session, claimed, findings=[], preview=None)
    assert len(examinations_of(engine)) == examinations.KEPT


def test_no_call_goes_to_jira_while_a_pause_is_in_force(
    pages: FlaskClient, runtime: Runtime, engine: Engine, jira: SimulatedJira
) -> None:
    pause(engine, WaitCode.RATE_LIMITED, key=runtime.credentials)
    before = jira.counts()
    send(pages, "/jira/examine", ticket="PI-42")
    examine(runtime)
    assert jira.counts() == before
    assert "Not checked, because a pause is active: limited until" in words(pages.get("/jira").text)


def test_a_key_of_no_form_is_refused(pages: FlaskClient, engine: Engine) -> None:
    send(pages, "/jira/examine", ticket="<b>42</b>")
    assert "must look like PI-42" in pages.get("/jira").text
    assert examinations_of(engine) == []


def test_a_pause_is_described_and_can_be_ended_by_hand(pages: FlaskClient, engine: Engine) -> None:
    pause(engine, WaitCode.CAPTCHA_LOCK, delay=None)
    page = pages.get("/jira").text
    assert "account locked behind a CAPTCHA since" in words(page)
    assert 'href="/jira/resume"' in page
    question = pages.get("/jira/resume").text
    assert "log in to Jira once with a browser" in question
    answer = send(pages, "/jira/resume", reason="logged in")
    assert answer.location == "/jira"
    assert "Resumed." in pages.get("/jira").text
    with begin(engine) as session:
        assert pauses.current(session) is None
        (context,) = session.scalars(select(AuditEvent))
    assert (context.action, context.reason, context.counts) == (
        "resume",
        "logged in",
        {"pauses": 1},
    )
    assert "no pause to end" in pages.get("/jira/resume").text


def test_changes_that_no_webhook_announced_raise_an_alarm(
    pages: FlaskClient, engine: Engine
) -> None:
    with begin(engine) as session:
        ingest(session, [("PI-42", ticket())], source=Source.POLL, worker="w")
        session.execute(
            text("""
            INSERT INTO unannounced_changes (site_id, issue_id, ticket_key, changed_at, found_at)
            SELECT :site, i::text, 'PI-' || i, now(), now() - interval '1 hour'
            FROM generate_series(1, 4) AS i
        """),
            {"site": site_id(session)},
        )
    assert "4 tickets changed within a day without a webhook" in words(pages.get("/jira").text)


def test_the_poll_says_how_far_it_is(pages: FlaskClient, runtime: Runtime) -> None:
    poll(runtime)
    page = words(pages.get("/jira").text)
    assert re.search(r"Projects PI Every 1 min Complete as of (just now|\d+ s ago)", page)
    assert "First import" in page


def test_a_read_only_operator_reads_and_does_nothing(app: Flask, engine: Engine) -> None:
    operator(engine, role=Role.READ_ONLY)
    client = app.test_client()
    log_in(client)
    pause(engine, WaitCode.JIRA_DOWN)
    page = client.get("/jira").text
    assert "/jira/resume" not in page
    assert "/jira/examine" not in page
    data = {"csrf_token": csrf_token(page)}
    for address in ("/jira/resume", "/jira/examine"):
        assert client.post(address, data=data).status_code == 403
    assert examinations_of(engine) == []


def test_the_part_that_refreshes_shows_a_finished_examination(
    pages: FlaskClient, runtime: Runtime
) -> None:
    part = {"Routecard-Part": "live"}
    tag = pages.get("/jira", headers=part).headers["ETag"]
    assert pages.get("/jira", headers={**part, "If-None-Match": tag}).status_code == 304
    examine(runtime)
    fresh = pages.get("/jira", headers={**part, "If-None-Match": tag})
    assert fresh.status_code == 200
    assert "csrf_token" not in fresh.text
