"""The pages about jobs: the list, one job field by field, and the form that makes one."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from shared.database.engine import begin
from shared.fill import from_copy
from shared.models import AuditEvent, Job
from shared.settings import Settings
from shared.states import Role, Source
from shared.sync import leases
from tests.dsl import (
    ApiClient,
    application,
    create_job,
    csrf_token,
    draft,
    ingest,
    log_in,
    operator,
    receive_ticket,
    site_id,
    ticket,
)
from tests.support.data.shop import Shop

HOSTILE = "<script>alert(1)</script>\"'&"
REVERSED = "gpj.\u202eexe"


def text_of(page: str) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def row_of(page: str, title: str) -> str:
    """The words of the table row that begins with this."""
    found = re.search(rf'<th scope="row">{title}</th>(.*?)</tr>', page, re.DOTALL)
    assert found, title
    return text_of(found.group(1)).strip()


def make(pages: FlaskClient, **fields: str) -> Any:
    """Fill in the form and send it."""
    form = pages.get("/jobs/new").get_data(as_text=True)
    key = form.split('name="key" value="', 1)[1].split('"', 1)[0]
    return pages.post("/jobs/new", data={"csrf_token": csrf_token(form), "key": key, **fields})


def jobs_of(engine: Engine) -> list[Job]:
    """All jobs in order of their making."""
    with begin(engine) as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


def test_the_empty_list_says_how_jobs_come(pages: FlaskClient) -> None:
    assert "No jobs yet" in pages.get("/jobs").text


def test_the_list_finds_jobs_by_what_people_know_of_them(
    api: ApiClient, pages: FlaskClient
) -> None:
    api.job(name="Housing", jiraTicketKey="PI-42", jiraPartNumber="ALU-7075")
    api.job(name="Bracket", jiraPriority="High", jiraLabels=["rush"])
    for query in ("q=7075", "q=pi-42", "q=hous", "jiraTicketKey=PI-42", "jiraSync=pending"):
        page = pages.get(f"/jobs?{query}").text
        assert ("Housing</a>" in page, "Bracket</a>" in page) == (True, False), query
    for query in ("jiraPriority=High", "jiraLabel=rush", "q=bracket&within=1h"):
        page = pages.get(f"/jobs?{query}").text
        assert ("Housing</a>" in page, "Bracket</a>" in page) == (False, True), query
    assert "No job matches" in pages.get("/jobs?q=nothing-like-it").text


def test_filters_nobody_understands_are_refused_not_dropped(pages: FlaskClient) -> None:
    for query in ("jiraSync=done", "within=2y", "updatedSince=yesterday", "cursor=x", "q=%00"):
        assert pages.get(f"/jobs?{query}").status_code == 400, query


def test_the_list_goes_on_page_by_page_with_its_filters(api: ApiClient, pages: FlaskClient) -> None:
    names = [f"JOB-{number:03d}" for number in range(60)]
    for name in names:
        api.job(name=name)
    first = pages.get("/jobs?q=JOB-").text
    address = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = pages.get(address.replace("&amp;", "&")).text
    shown = re.findall(r">(JOB-\d{3})</a>", first + second)
    assert shown == names[::-1]
    assert 'rel="next"' not in second
    assert 'rel="first"' in second


def test_the_list_shows_how_far_each_job_is(api: ApiClient, pages: FlaskClient) -> None:
    shop = Shop(api)
    path = shop.path("Saw", "Mill")
    units = [unit["id"] for unit in shop.serials(path, 3)]
    shop.advance(units[:1])
    shop.advance(units[:1])
    assert "1 of 4" in text_of(pages.get("/jobs").text)


def test_a_hostile_name_is_text_on_every_page(api: ApiClient, pages: FlaskClient) -> None:
    made = api.job(name=HOSTILE, jiraTicketSummary=HOSTILE, jiraLabels=[HOSTILE])
    for address in ("/jobs", f"/jobs/{made['id']}", f"/jobs?q={HOSTILE[:8]}"):
        page = pages.get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_a_name_does_not_reverse_what_follows_it(api: ApiClient, pages: FlaskClient) -> None:
    made = api.job(name=REVERSED)
    for address in ("/jobs", f"/jobs/{made['id']}"):
        page = pages.get(address).text
        assert "\u202e" not in page
        assert "gpj.\\u202eexe" in page


def test_jira_is_spelled_as_a_name_beside_a_field_that_was_read_from_it(
    api: ApiClient, pages: FlaskClient, engine: Engine
) -> None:
    made = api.job(jiraTicketKey="PI-42")
    with begin(engine) as session:
        claims = leases.claim(session, lease_seconds=60)
        ingest(session, [("PI-42", ticket())], source=Source.API, worker="w", claims=claims)
    page = pages.get(f"/jobs/{made['id']}").text
    assert row_of(page, "Part number").startswith("ALU-HOUSING-7075 The ticket (read from Jira)")


def test_each_jira_field_says_who_filled_it(
    api: ApiClient, pages: FlaskClient, engine: Engine
) -> None:
    made = api.job(jiraTicketKey="PI-42", jiraPriority="Urgent")
    address = f"/jobs/{made['id']}"
    waiting = pages.get(address).text
    assert "Waits for the ticket" in row_of(waiting, "Part number")
    receive_ticket(engine, source=Source.POLL, epic_link=None)
    page = pages.get(address).text
    assert "PI-42" in row_of(page, "Ticket")
    assert "The client, with the job" in row_of(page, "Ticket")
    assert row_of(page, "Priority").startswith("Urgent The client, with the job")
    assert row_of(page, "Part number").startswith("ALU-HOUSING-7075 The ticket (poll)")
    assert "The ticket has none" in row_of(page, "Epic")


def test_a_linked_jobs_key_came_by_the_link(api: ApiClient, pages: FlaskClient) -> None:
    made = api.job(jiraPriority="High")
    linked = api.post("/api/jira/link", {"ticketKey": "PI-42", "jobId": made["id"]})
    assert linked.status_code == 200
    page = pages.get(f"/jobs/{made['id']}").text
    assert "A link made later" in row_of(page, "Ticket")
    assert "The client, with the job" in row_of(page, "Priority")


def test_a_job_older_than_the_record_claims_nothing(
    api: ApiClient, pages: FlaskClient, engine: Engine
) -> None:
    made = api.job(jiraTicketKey="PI-42")
    receive_ticket(engine, source=Source.POLL)
    with begin(engine) as session:
        session.get_one(Job, made["id"]).client_fields = None
    page = pages.get(f"/jobs/{made['id']}").text
    assert "Client or ticket" in row_of(page, "Part number")
    assert row_of(page, "Part number").endswith("same")


def test_bulk_and_single_creates_write_the_same_record(api: ApiClient, engine: Engine) -> None:
    content = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "PI-42", "jiraLabels": []}
    api.post("/api/jobs", content)
    api.post("/api/jobs/bulk", {"jobs": [content, {"name": "JOB-2", "goalQuantity": 1}]})
    assert [job.client_fields for job in jobs_of(engine)] == [
        ["jira_ticket_key", "jira_labels"],
        ["jira_ticket_key", "jira_labels"],
        [],
    ]


def test_what_changed_in_jira_since_is_shown_beside_the_snapshot(
    api: ApiClient, pages: FlaskClient, engine: Engine
) -> None:
    made = api.job(jiraTicketKey="PI-42")
    receive_ticket(engine, source=Source.POLL)
    later = ticket().updated_at.replace(year=2025)
    receive_ticket(engine, source=Source.POLL, part_number="ALU-HOUSING-7076", updated_at=later)
    page = pages.get(f"/jobs/{made['id']}").text
    assert row_of(page, "Part number").endswith("differs ALU-HOUSING-7076")
    assert row_of(page, "Priority").endswith("same")
    assert "The ticket was changed after the job was filled." in text_of(page)


def test_a_path_shows_where_its_units_are(api: ApiClient, pages: FlaskClient) -> None:
    shop = Shop(api)
    path = shop.path("Saw", {"name": "Mill", "location": "Hall 2"}, "Deburr")
    units = [unit["id"] for unit in shop.serials(path, 6)]
    shop.advance(units[:4])
    shop.scrap(units[5])
    page = pages.get(f"/jobs/{shop.job['id']}").text
    steps = [
        text_of(step).strip() for step in re.findall(r"<li class=\"step.*?</li>", page, re.DOTALL)
    ]
    assert steps == [
        "1 Saw 1 scrapped",
        "4 Mill Hall 2 · bottleneck",
        "0 Deburr",
        "0 Done",
    ]
    assert all(unit in page for unit in units)


def test_the_part_that_refreshes_is_not_sent_again_until_a_unit_moves(
    api: ApiClient, pages: FlaskClient
) -> None:
    shop = Shop(api)
    path = shop.path("Saw", "Mill")
    units = [unit["id"] for unit in shop.serials(path, 2)]
    address, part = f"/jobs/{shop.job['id']}", {"Routecard-Part": "live"}
    tag = pages.get(address, headers=part).headers["ETag"]
    same = pages.get(address, headers={**part, "If-None-Match": tag})
    assert (same.status_code, same.text) == (304, "")
    shop.advance(units)
    moved = pages.get(address, headers={**part, "If-None-Match": tag})
    assert moved.status_code == 200
    assert "csrf_token" not in moved.text


def test_no_client_is_found_under_a_malformed_address(pages: FlaskClient) -> None:
    for address in ("/jobs/job_01h455vb4pex5vsknk084sn02q", "/jobs/x?units=SN-00001"):
        answer = pages.get(address)
        assert answer.status_code == 404
        assert "Job not found" in answer.text


def test_the_form_makes_a_job_and_its_sync_task(pages: FlaskClient, engine: Engine) -> None:
    answer = make(
        pages, name=" WO-7 ", goalQuantity="12", jiraTicketKey="pi-42", jiraLabels="a, b,a,"
    )
    (job,) = jobs_of(engine)
    assert (answer.status_code, answer.location) == (303, f"/jobs/{job.id}")
    assert (job.name, job.goal_quantity, job.jira_ticket_key) == ("WO-7", 12, "PI-42")
    assert job.jira_labels == ["a", "b"]
    page = pages.get(answer.location).text
    assert "PI-42 is being read" in page
    assert "Waiting" in page
    with begin(engine) as session:
        (context,) = session.scalars(select(AuditEvent))
    assert (context.action, context.subject, context.actor_kind) == (
        "create",
        job.id,
        "open",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "", "goalQuantity": "5"}, "name is required"),
        ({"name": "J"}, "goalQuantity is required"),
        ({"name": "J", "goalQuantity": "five"}, "goalQuantity must be a number"),
        ({"name": "J", "goalQuantity": "0"}, "goalQuantity must be greater than 0"),
        ({"name": "J", "goalQuantity": "1.5"}, "goalQuantity must be an integer"),
        ({"name": "J", "goalQuantity": "5", "jiraTicketKey": "42"}, "must look like PI-42"),
        ({"name": "J\0", "goalQuantity": "5"}, "name must not contain NUL characters"),
        ({"name": "J", "goalQuantity": "5", "jiraLabels": "a" * 256}, "at most 255 characters"),
    ],
)
def test_the_form_says_what_the_api_says_and_keeps_what_was_typed(
    pages: FlaskClient, engine: Engine, fields: dict[str, str], message: str
) -> None:
    answer = make(pages, jiraPartNumber='ALU "7075"', **fields)
    assert answer.status_code == 400
    assert message in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    assert 'value="ALU &#34;7075&#34;"' in answer.text
    assert jobs_of(engine) == []


def test_a_second_click_makes_no_second_job(pages: FlaskClient, engine: Engine) -> None:
    form = pages.get("/jobs/new").text
    key = form.split('name="key" value="', 1)[1].split('"', 1)[0]
    data = {"csrf_token": csrf_token(form), "key": key, "name": "WO-7", "goalQuantity": "1"}
    first, second = (pages.post("/jobs/new", data=data) for _ in range(2))
    assert first.location == second.location
    other = pages.post("/jobs/new", data={**data, "name": "WO-8"})
    assert other.status_code == 400
    assert "already created a job" in other.text
    assert len(jobs_of(engine)) == 1


def test_a_ticket_is_found_in_our_copy_and_taken(pages: FlaskClient, engine: Engine) -> None:
    receive_ticket(engine, source=Source.POLL)
    assert "/jobs/new?ticket=PI-42" in pages.get("/jobs/new?find=housing").text
    assert "no ticket with" in text_of(pages.get("/jobs/new?find=gearbox").text)
    page = pages.get("/jobs/new?ticket=pi-42").text
    assert 'value="Build 50 aluminum housings"' in page
    assert 'name="goalQuantity" value="50"' in page
    assert 'name="jiraPartNumber" value=""' in page
    assert 'placeholder="from the ticket: ALU-HOUSING-7075"' in page


def test_only_full_operators_make_jobs(app: Flask, engine: Engine) -> None:
    operator(engine, role=Role.READ_ONLY)
    client = app.test_client()
    log_in(client)
    assert client.get("/jobs/new").status_code == 403
    token = csrf_token(client.get("/jobs").text)
    data = {"csrf_token": token, "name": "WO-7", "goalQuantity": "1"}
    assert client.post("/jobs/new", data=data).status_code == 403
    assert jobs_of(engine) == []
    assert "/jobs/new" not in client.get("/jobs").text


def test_the_form_asks_for_its_token(pages: FlaskClient, engine: Engine) -> None:
    assert pages.post("/jobs/new", data={"name": "J", "goalQuantity": "1"}).status_code == 400
    assert jobs_of(engine) == []


def test_a_job_filled_from_our_copy_says_so(
    settings: Settings, engine: Engine, session: Any
) -> None:
    receive_ticket(engine, source=Source.POLL)

    job, _ = create_job(session, draft(jira_ticket_key="PI-42"))
    from_copy.fill_fresh(session, [job.id], site_id=site_id(session), fresh_seconds=60)
    session.commit()
    with application(settings, engine) as app:
        page = app.test_client().get(f"/jobs/{job.id}").text
    assert "The ticket (our copy)" in row_of(page, "Part number")
