"""Applying webhooks: every delivery ends with an outcome and a reason."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.database.engine import begin
from shared.fill.from_copy import fill_fresh
from shared.states import FailureCode, Source
from shared.sync import leases
from shared.sync import settle as sync_settle
from shared.tickets import store as tickets
from tests.dsl import ingest, make_deliveries_due, receive_ticket, site_id, ticket
from tests.support.data.delivery_driver import DeliveryDriver
from tests.support.jira.hooks import PART_NUMBER, issue, now, payload
from worker.webhooks.deliver import deliver

OLD = datetime(2024, 1, 1, tzinfo=UTC)
NEW = datetime(2024, 2, 1, tzinfo=UTC)


def test_a_signed_body_fills_the_job_that_waits_without_a_call_to_jira(
    driver: DeliveryDriver,
) -> None:
    job_id = driver.job()
    delivery = driver.receive()
    assert (delivery.outcome, delivery.reason) == ("filled", "Filled 1 job.")
    assert (delivery.event, delivery.ticket_key, delivery.issue_id) == (
        "jira:issue_updated",
        "PI-42",
        "10042",
    )
    job, task = driver.read(job_id), driver.task(job_id)
    assert (job.jira_part_number, job.jira_priority) == ("ALU-HOUSING-7075", "High")
    assert (task.status, task.source) == ("filled", "webhook")


def test_one_delivery_fills_every_job_on_its_ticket(driver: DeliveryDriver) -> None:
    ids = [driver.job() for _ in range(3)]
    assert driver.receive().reason == "Filled 3 jobs."
    assert {driver.read(job_id).jira_ticket_summary for job_id in ids} == {
        "Build 50 aluminum housings"
    }


def test_a_ticket_that_no_job_names_costs_its_row_and_nothing_more(driver: DeliveryDriver) -> None:
    delivery = driver.receive()
    assert (delivery.outcome, delivery.reason) == ("unlinked", "No job names PI-42.")
    assert driver.copy() is None


def test_a_filled_job_is_never_touched_and_our_copy_follows(driver: DeliveryDriver) -> None:
    job_id = driver.job()
    driver.receive(payload(about=issue(updated=OLD, summary="old")))
    before = driver.read(job_id)
    delivery = driver.receive(payload(about=issue(updated=NEW, summary="new")))
    assert (delivery.outcome, delivery.reason) == (
        "noted",
        "Our copy of PI-42 is up to date; no job waited for it.",
    )
    assert driver.copied().summary == "new"
    after = driver.read(job_id)
    assert (after.jira_ticket_summary, after.version) == ("old", before.version)


def test_an_event_older_than_our_copy_is_stale(driver: DeliveryDriver) -> None:
    driver.job()
    driver.receive(payload(about=issue(updated=NEW, summary="new")))
    delivery = driver.receive(payload(about=issue(updated=OLD, summary="old")))
    assert delivery.outcome == "stale"
    assert driver.copied().summary == "new"


def test_a_stale_event_does_not_fill_jobs_that_are_younger_than_our_copy(
    driver: DeliveryDriver,
) -> None:
    with begin(driver.engine) as session:
        new = ticket(updated_at=NEW, summary="new")
        ingest(session, [("PI-42", new)], source=Source.POLL, worker="w")
    job_id = driver.job()
    delivery = driver.receive(payload(about=issue(updated=OLD, summary="old")))
    assert delivery.outcome == "noted"
    assert "after a restore" in (delivery.reason or "")
    assert "the ticket is read for 1 job" in (delivery.reason or "")
    assert driver.task(job_id).status == "pending"
    assert driver.copied().summary == "new"


def test_deliveries_of_one_ticket_in_one_batch_each_get_their_own_outcome(
    driver: DeliveryDriver,
) -> None:
    job_id = driver.job()
    made = [
        driver.inbox.put(payload(about=issue(updated=updated, summary=summary)))
        for updated, summary in ((OLD, "1"), (NEW, "2"), (OLD, "1"), (NEW, "2"))
    ]
    deliver(driver.runtime)
    outcomes = [driver.inbox.row(delivery_id).outcome for delivery_id in made]
    assert outcomes == ["noted", "noted", "stale", "filled"]
    assert driver.read(job_id).jira_ticket_summary == "2"


def test_a_move_fills_the_job_that_names_the_old_key(driver: DeliveryDriver) -> None:
    job_id = driver.job("PI-42")
    moved = issue("OPS-7", issue_id="10042", updated=NEW)
    delivery = driver.receive(payload(about=moved, moved_from="PI-42"))
    assert delivery.outcome == "filled"
    assert driver.read(job_id).jira_issue_id == "10042"
    copy = driver.copied()
    assert (copy.key, copy.former_keys) == ("OPS-7", ["PI-42"])
    later = driver.job("PI-42")
    again = driver.receive(payload(about=moved))
    assert "the ticket is read for 1 job that it cannot fill" in (again.reason or "")
    assert driver.task(later).status == "pending"


def test_an_announced_deletion_fills_the_jobs_that_wait_from_its_own_body(
    driver: DeliveryDriver,
) -> None:
    job_id = driver.job()
    delivery = driver.receive(payload("jira:issue_deleted"))
    assert delivery.outcome == "filled"
    assert driver.read(job_id).jira_part_number == "ALU-HOUSING-7075"
    assert driver.copied().deleted_at is not None


def test_a_deletion_without_fields_fails_the_tasks_that_wait_and_says_so(
    driver: DeliveryDriver,
) -> None:
    job_id = driver.job()
    delivery = driver.receive(payload("jira:issue_deleted", about={"id": "10042", "key": "PI-42"}))
    assert (delivery.outcome, delivery.reason) == (
        "noted",
        "PI-42 was deleted in Jira; 1 job that waited for it cannot be filled.",
    )
    task = driver.task(job_id)
    assert (task.status, task.error_code) == ("failed", "ticket_deleted")


def test_a_deletion_without_fields_fills_no_job_from_a_copy_from_before_it(
    driver: DeliveryDriver,
) -> None:
    driver.job()
    driver.receive(payload(about=issue(updated=OLD)))
    job_id = driver.job()
    driver.receive(payload("jira:issue_deleted", about={"id": "10042", "key": "PI-42"}))
    assert driver.task(job_id).error_code == "ticket_deleted"
    assert driver.copied().deleted_at is not None


def test_a_deletion_stays_one_when_an_older_event_comes_late(driver: DeliveryDriver) -> None:
    driver.job()
    driver.receive(payload("jira:issue_deleted", about=issue(updated=NEW)))
    driver.receive(payload(about=issue(updated=OLD)))
    driver.receive(payload(about=issue(updated=NEW)))
    assert driver.copied().deleted_at is not None


@pytest.mark.parametrize(
    "code",
    [FailureCode.TICKET_NOT_FOUND, FailureCode.NO_PERMISSION, FailureCode.UNUSABLE_TICKET],
)
def test_a_hint_makes_a_task_due_whose_ticket_was_not_to_be_had(
    driver: DeliveryDriver, code: FailureCode
) -> None:
    job_id = driver.job()
    driver.fail(code)
    delivery = driver.receive({"key": "pi-42"}, signed=False)
    assert delivery.outcome == "noted"
    assert "1 job that waited for PI-42 made due" in (delivery.reason or "")
    assert (driver.task(job_id).status, driver.task(job_id).error_code) == ("pending", None)
    assert driver.copy() is None


def test_a_hint_stores_no_value_from_its_body(driver: DeliveryDriver) -> None:
    job_id = driver.job()
    driver.execute("UPDATE sync_tasks SET due_at = now() + interval '1 hour'")
    delivery = driver.receive(payload(), signed=False)
    assert delivery.outcome == "noted"
    assert driver.read(job_id).jira_filled_at is None
    with begin(driver.engine) as session:
        assert [c.job_id for c in leases.claim(session, lease_seconds=9)] == [job_id]


@pytest.mark.parametrize("code", [FailureCode.CRASHED, FailureCode.TICKET_DELETED])
def test_a_hint_revives_neither_what_killed_workers_nor_what_was_deleted(
    driver: DeliveryDriver, code: FailureCode
) -> None:
    job_id = driver.job()
    driver.fail(code)
    assert driver.receive({"issueKey": "PI-42"}, signed=False).outcome == "ignored"
    assert driver.task(job_id).status == "failed"


def test_a_hint_waits_for_a_read_that_is_under_way(driver: DeliveryDriver) -> None:
    job_id = driver.job()
    with begin(driver.engine) as session:
        claims = leases.claim(session, lease_seconds=60)
    delivery = driver.receive({"key": "PI-42"}, signed=False)
    assert delivery.outcome is None
    with begin(driver.engine) as session:
        sync_settle.fail(session, claims, code=FailureCode.TICKET_NOT_FOUND, worker="w")
    make_deliveries_due(driver.engine)
    deliver(driver.runtime)
    assert driver.inbox.row(delivery.id).outcome == "noted"
    assert driver.task(job_id).status == "pending"


def test_an_empty_body_takes_the_key_from_the_address(driver: DeliveryDriver) -> None:
    driver.job()
    delivery = driver.receive(b"", signed=False, ticket_key="PI-42")
    assert (delivery.outcome, delivery.ticket_key) == ("noted", "PI-42")


def test_a_signed_body_older_than_a_day_is_a_hint(driver: DeliveryDriver) -> None:
    job_id = driver.job()
    delivery = driver.receive(payload(said_at=now() - timedelta(hours=25)))
    assert delivery.outcome == "noted"
    assert "more than a day old" in (delivery.reason or "")
    assert driver.task(job_id).status == "pending"


def test_a_signed_body_keeps_its_age_of_receipt_however_late_it_is_applied(
    driver: DeliveryDriver,
) -> None:
    job_id = driver.job()
    delivery_id = driver.inbox.put(payload(said_at=now() - timedelta(days=3)))
    driver.execute("UPDATE webhook_deliveries SET received_at = now() - interval '3 days'")
    driver.execute("UPDATE sync_tasks SET created_at = now() - interval '4 days'")
    deliver(driver.runtime)
    assert driver.inbox.row(delivery_id).outcome == "filled"
    assert driver.task(job_id).status == "filled"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not json", "not JSON"),
        (b"[1, 2]", "no object"),
        (b"   ", "empty"),
        (b'{"a": ' + b"[" * 100_000, "not JSON"),
        (b'{"issue": "\\ud800"}', "names no ticket"),
        (b'{"key": "PI-42\\u0000"}', "names no ticket"),
        (b'{"issue": {"key": ["PI-42"], "id": true}}', "names no ticket"),
        (b'{"issue": {"id": 1' + b"0" * 400 + b"}}", "names no ticket"),
        ({"timestamp": 1, "webhookEvent": "comment_created"}, "comment_created says nothing"),
        ({"webhookEvent": "jira:worklog_updated", "issue": {"key": "PI-42"}}, "says nothing"),
        (payload("comment_created"), "comment_created says nothing"),
        (payload("issue_property_set"), "issue_property_set says nothing"),
        ({"webhookEvent": "project_updated", "project": {"key": "PI", "id": 1}}, "daily check"),
        (
            {"webhookEvent": "sprint_started", "sprint": {"id": 10042}},
            "sprint_started says nothing",
        ),
        ({"webhookEvent": "jira:version_released", "version": {"id": "10042"}}, "says nothing"),
        ({"webhookEvent": "issuelink_created", "issueLink": {"id": 1}}, "names no ticket"),
        ({"webhookEvent": "issuelink_created", "issueLink": [10042]}, "names no ticket"),
        (payload(about={}), "names no ticket"),
    ],
)
def test_a_signed_body_we_can_use_nothing_of_is_ignored_with_the_reason(
    driver: DeliveryDriver, body: Any, words: str
) -> None:
    driver.job()
    delivery = driver.receive(body)
    assert delivery.outcome == "ignored"
    assert words in (delivery.reason or "")


def test_a_lone_surrogate_in_one_field_spoils_no_other(driver: DeliveryDriver) -> None:
    job_id = driver.job()
    body = json.dumps(payload(about=issue(summary="A \ud83d B"))).encode()
    assert b"\\ud83d" in body
    delivery = driver.receive(b"\xef\xbb\xbf" + body)
    assert delivery.outcome == "filled"
    job = driver.read(job_id)
    assert (job.jira_ticket_summary, job.jira_part_number) == ("A \ufffd B", "ALU-HOUSING-7075")


LINK = {"id": 7, "sourceIssueId": 10010, "destinationIssueId": "10042"}


@pytest.mark.parametrize("event", ["issuelink_created", "issuelink_deleted"])
@pytest.mark.parametrize("signed", [True, False])
def test_an_issue_link_makes_tasks_of_both_its_tickets_due(
    driver: DeliveryDriver, event: str, *, signed: bool
) -> None:
    for key in ("PI-10", "PI-42", "PI-43"):
        receive_ticket(driver.engine, key)
    waiting = [driver.job(key) for key in ("PI-10", "PI-42", "PI-43")]
    driver.execute("UPDATE sync_tasks SET due_at = now() + interval '1 hour'")
    said = {"timestamp": payload()["timestamp"], "webhookEvent": event, "issueLink": LINK}
    delivery = driver.receive(said, signed=signed)
    assert (delivery.outcome, delivery.ticket_key, delivery.issue_id) == ("noted", "PI-42", "10042")
    assert "2 jobs that waited for PI-10 and PI-42 made due" in (delivery.reason or "")
    with begin(driver.engine) as session:
        assert [c.job_id for c in leases.claim(session, lease_seconds=9)] == waiting[:2]


def test_an_issue_link_of_tickets_we_do_not_know_is_unlinked(driver: DeliveryDriver) -> None:
    driver.job()
    delivery = driver.receive({"webhookEvent": "issuelink_created", "issueLink": LINK})
    assert delivery.outcome == "unlinked"


@pytest.mark.parametrize(
    "body",
    [
        payload("jira:issue_unarchived"),
        {"issue": issue(), "timestamp": payload()["timestamp"]},
        payload(about={"id": "10042", "key": "PI-42"}),
        {"key": "PI-42"},
        issue(),
    ],
    ids=["unknown-event", "no-event", "no-fields", "custom-data", "the-issue-itself"],
)
def test_a_signed_body_that_is_no_whole_ticket_is_a_hint(
    driver: DeliveryDriver, body: dict[str, Any]
) -> None:
    job_id = driver.job()
    delivery = driver.receive(body)
    assert delivery.outcome == "noted"
    assert "it is a hint: 1 job" in (delivery.reason or "")
    assert driver.task(job_id).status == "pending"


def test_a_copy_that_a_hint_says_has_changed_is_read_again_and_fills_no_job_before(
    driver: DeliveryDriver,
) -> None:
    receive_ticket(driver.engine)
    delivery = driver.receive({"key": "PI-42"}, signed=False)
    assert delivery.outcome == "noted"
    assert "no job waits for PI-42, whose copy will be read again" in (delivery.reason or "")

    def filled_from_copy() -> bool:
        job_id = driver.job()
        with begin(driver.engine) as session:
            return bool(fill_fresh(session, [job_id], site_id=site_id(session), fresh_seconds=600))

    with begin(driver.engine) as session:
        assert tickets.unverified(session, site_id=site_id(session), limit=9) == ["10042"]
    assert not filled_from_copy()
    receive_ticket(driver.engine)
    with begin(driver.engine) as session:
        assert tickets.unverified(session, site_id=site_id(session), limit=9) == []
    assert filled_from_copy()


@pytest.mark.parametrize(
    "fields",
    [
        {"updated_raw": "yesterday"},
        {"updated_raw": None},
        {"updated_raw": 10**30},
    ],
)
def test_an_issue_that_cannot_be_used_is_a_hint(
    driver: DeliveryDriver, fields: dict[str, Any]
) -> None:
    job_id = driver.job()
    about = issue()
    about["fields"]["updated"] = fields["updated_raw"]
    delivery = driver.receive(payload(about=about))
    assert delivery.outcome == "noted"
    assert "cannot be used" in (delivery.reason or "")
    assert driver.task(job_id).status == "pending"


def test_odd_values_are_cleaned_and_fail_no_delivery(driver: DeliveryDriver) -> None:
    job_id = driver.job()
    odd = issue(summary="a\x00b" * 500, priority=17, labels={"a": 1}, parent=[[[]]])
    odd["fields"][PART_NUMBER] = [[["deep"]], None, True, 4.0]
    other = driver.job("PI-43")
    first = driver.inbox.put(payload(about=odd))
    second = driver.inbox.put(payload(about=issue("PI-43")))
    deliver(driver.runtime)
    assert driver.inbox.row(second).outcome == "filled"
    assert driver.task(other).status == "filled"
    assert driver.inbox.row(first).outcome == "filled"
    job = driver.read(job_id)
    assert (job.jira_ticket_summary or "").startswith("abab")
    assert (job.jira_priority, job.jira_labels, job.jira_epic_link) == ("17", None, None)
