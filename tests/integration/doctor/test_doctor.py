"""The doctor: its findings on a healthy system, and for each part that fails."""

import re
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from shared.states import RejectionReason, WaitCode
from shared.sync import pauses
from shared.webhooks import health as webhook_health
from tests.dsl import configured, make_job, worker
from tests.support.doctor import found
from tests.support.jira.hooks import Inbox, payload
from tests.support.jira.simulated import SimulatedJira
from worker.doctor.findings import Status
from worker.doctor.run import worst
from worker.polling.poll import poll
from worker.sync.drain import drain


def test_a_system_that_is_well_has_no_failure_and_shows_what_a_ticket_fills(
    well: Settings,
) -> None:
    findings = found(well, ticket="PI-42")
    failing = [one for one in findings.values() if one.status is Status.FAIL]
    assert failing == []
    assert worst(list(findings.values())) is not Status.FAIL
    fill = findings["fill"].message
    assert fill.startswith("PI-42 would fill: summary “Build 50 aluminum housings”")
    assert "part number “ALU-HOUSING-7075”" in fill
    assert "“50” in PI-42" in findings["field_quantity"].message
    assert findings["project_PI"].status is Status.OK
    assert "complete as of" in findings["poll"].message


def test_the_mapped_fields_are_tried_on_tickets_it_finds_by_itself(well: Settings) -> None:
    findings = found(well)
    assert findings["field_part_number"].status is Status.OK
    assert findings["fill"].message.startswith("PI-")


def test_every_part_can_be_down_and_the_doctor_still_answers_in_time(settings: Settings) -> None:
    down = configured(
        settings,
        database_url="postgresql://u:geheim@127.0.0.1:9/x",
        redis_url="redis://:geheim@127.0.0.1:9/0",
        jira_base_url="http://127.0.0.1:9",
        jira_api_token="geheim",
        port=9,
    )
    started = time.monotonic()
    findings = found(down)
    assert time.monotonic() - started < 60
    expected = ("database", "broker", "api", "worker", "jira")
    assert {findings[name].status for name in expected} == {Status.FAIL}
    assert all(one.remedy for one in findings.values() if one.status is not Status.OK)
    assert "geheim" not in str(findings)


def test_a_jira_that_hangs_is_waited_for_a_few_seconds(well: Settings, jira: SimulatedJira) -> None:
    jira.fault("hang", delay=90)
    started = time.monotonic()
    findings = found(well)
    assert time.monotonic() - started < 60
    assert findings["jira"].status is Status.FAIL
    assert findings["database"].status is Status.OK
    assert findings["mapping"].message.startswith("not checked")


def test_plain_http_beyond_this_machine_is_warned_of(settings: Settings) -> None:
    away = configured(settings, jira_base_url="http://jira.invalid", jira_timeout_seconds=1)
    finding = found(away)["jira_encryption"]
    assert finding.status is Status.WARN
    assert "https://" in finding.remedy


def test_refused_credentials_name_the_remedy_and_never_the_token(well: Settings) -> None:
    finding = found(configured(well, jira_api_token="expired-geheim"))["credentials"]
    assert finding.status is Status.FAIL
    assert "id.atlassian.com" in finding.remedy
    assert "https://api.atlassian.com/ex/jira/{cloudId}" in finding.remedy
    assert "geheim" not in str(finding)


def test_a_finding_names_the_account_of_the_credentials(well: Settings) -> None:
    assert "dev@routecard.example" in found(well)["credentials"].message


def test_a_locked_account_is_not_tried_again(
    well: Settings, jira: SimulatedJira, engine: Engine
) -> None:
    with begin(engine) as session:
        pauses.begin(
            session,
            credentials=pauses.credentials_hash(well),
            code=WaitCode.CAPTCHA_LOCK,
            message="locked",
            delay=None,
        )
    before = jira.counts().get("GET myself", 0)
    findings = found(well)
    assert jira.counts().get("GET myself", 0) == before
    assert findings["pause"].status is Status.FAIL
    assert "routecard resume" in findings["credentials"].remedy


def test_a_field_name_that_is_ambiguous_or_missing_is_refused_with_candidates(
    well: Settings,
) -> None:
    finding = found(configured(well, jira_field_part_number="Part No"))["mapping"]
    assert finding.status is Status.FAIL
    assert "customfield_10908" in finding.message


def test_a_value_that_cannot_be_read_is_one_finding_with_its_cause_and_remedy(
    well: Settings, jira: SimulatedJira, engine: Engine
) -> None:
    ids = [{"workspaceId": "w", "id": "w:1", "objectId": "1"}]
    store = jira.simulator.store
    store.edit(store.get("PI-42").id, {"customfield_10927": ids, "customfield_10928": "1,000"})
    fields = {"jira_field_part_number": "Part", "jira_field_quantity": "Ordered"}
    faulty = configured(well, **fields)
    findings = found(faulty, ticket="PI-42")
    part, quantity = findings["field_part_number"], findings["field_quantity"]
    assert (part.status, quantity.status) == (Status.WARN, Status.WARN)
    assert "PI-42: Jira's value of customfield_10927 cannot be read: an object" in part.message
    assert "Map a field that holds text" in part.remedy
    assert "quantity unknown: Jira says '1,000'" in quantity.message
    assert "JIRA_QUANTITY_FORMAT" in quantity.remedy
    assert (findings["values"].status, findings["quantities"].status) == (Status.OK, Status.OK)
    formatted = configured(faulty, jira_quantity_format="1,234.5")
    assert "“1000” in PI-42" in found(formatted, ticket="PI-42")["field_quantity"].message

    job_id = make_job(engine, "PI-42", quantity_from_ticket=True)
    with worker(faulty) as runtime:
        drain(runtime)
    findings = found(faulty, ticket="PI-42")
    assert "without a value that Jira has: 1." in findings["values"].message
    assert f"{job_id}: Jira's value of customfield_10927" in findings["values"].message
    assert "say none for certain: 1." in findings["quantities"].message


def test_a_mapped_field_that_no_ticket_has_is_pointed_out(well: Settings) -> None:
    finding = found(configured(well, jira_field_quantity="customfield_99999"))["field_quantity"]
    assert finding.status is Status.WARN
    assert "customfield_99999 has no quantity" in finding.message


def test_a_project_we_may_not_browse_fails(well: Settings) -> None:
    findings = found(configured(well, jira_project="PI,RD"))
    assert findings["project_PI"].status is Status.OK
    assert findings["project_RD"].status is Status.FAIL


def test_a_wrong_deployment_is_noticed(well: Settings) -> None:
    finding = found(configured(well, jira_deployment="datacenter"))["deployment"]
    assert finding.status is Status.FAIL
    assert "JIRA_DEPLOYMENT=cloud" in finding.remedy


def test_findings_say_since_when_worker_and_beat_are_silent(well: Settings, engine: Engine) -> None:
    with begin(engine) as session:
        session.execute(text("UPDATE heartbeats SET seen_at = now() - interval '5 minutes'"))
    findings = found(well)
    assert "0:05:0" in findings["worker"].message
    assert findings["beat"].status is Status.FAIL


def test_without_secret_or_projects_it_says_what_is_lost(well: Settings) -> None:
    findings = found(configured(well, jira_webhook_secret=None, jira_project=""))
    assert "answered 401" in findings["webhook_secret"].message
    assert "JIRA_PROJECT is empty" in findings["poll"].message


def test_a_timeout_too_long_for_the_lease_is_pointed_out(well: Settings) -> None:
    assert found(configured(well, lease_seconds=62))["times"].status is Status.WARN
    assert found(well)["times"].status is Status.OK


@dataclass(frozen=True)
class Fault:
    """What is wrong, and words of the one finding about it: its message and its remedy."""

    name: str
    cause: str
    remedy: str
    settings: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    rejected: RejectionReason | None = None
    variable: str | None = None


FAULTS = {
    "a project of several is gone": Fault(
        "project_GONE", "GONE cannot be polled", "JIRA_PROJECT", {"jira_project": "PI,GONE"}
    ),
    "a quantity in words": Fault(
        "field_quantity",
        "PI-42.*12 pcs",
        "JIRA_QUANTITY_FORMAT",
        {"jira_field_quantity": "customfield_10908"},
        {"customfield_10908": "12 pcs"},
    ),
    "another secret in Jira": Fault(
        "webhooks",
        "wrong signature 3",
        "JIRA_WEBHOOK_SECRET",
        rejected=RejectionReason.WRONG_SIGNATURE,
    ),
    "another password in Jira": Fault(
        "webhooks",
        "wrong user or password 3",
        "JIRA_WEBHOOK_USER and JIRA_WEBHOOK_PASSWORD",
        rejected=RejectionReason.WRONG_CREDENTIALS,
    ),
    "another method of signing": Fault(
        "webhooks",
        "unknown form 3",
        "sign with sha256",
        rejected=RejectionReason.MALFORMED_SIGNATURE,
    ),
    "no proof in Jira's form": Fault(
        "webhooks",
        "no proof of origin 3",
        "the secret in Jira's webhook form",
        rejected=RejectionReason.NO_PROOF,
    ),
    "a variable of Cloud on Data Center": Fault(
        "webhooks",
        "1 named no ticket, as Jira sent {issue.key}",
        "Data Center .{issue.key}",
        variable="{issue.key}",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_is_one_finding_with_its_cause_and_its_remedy(
    well: Settings, jira: SimulatedJira, engine: Engine, fault: Fault
) -> None:
    inbox = Inbox(engine)
    inbox.end(inbox.put(payload()))
    usual = {name for name, one in found(well, ticket="PI-42").items() if one.status is Status.OK}
    if fault.fields:
        jira.control("PATCH", "tickets/PI-42", fault.fields)
    if fault.rejected is not None:
        with begin(engine) as session:
            webhook_health.count_rejections(session, {fault.rejected: 3})
    if fault.variable is not None:
        nameless = inbox.put(b"", signed=False, variable=fault.variable)
        inbox.end(nameless, "ignored", ticket_key=None)

    made = configured(well, **fault.settings)
    with worker(made) as runtime:
        poll(runtime)
    findings = [one for one in found(made, ticket="PI-42").values() if one.status is not Status.OK]
    new = {one.name: one for one in findings if one.name in usual or one.name == fault.name}
    assert list(new) == [fault.name]
    assert re.search(fault.cause, new[fault.name].message)
    assert re.search(fault.remedy, new[fault.name].remedy)
