"""Webhook health: the alarm for changes that no webhook announced, and rejections."""

from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event, text

from api.runtime import Runtime as ApiRuntime
from api.webhooks.rejections import Rejections
from shared.database.engine import begin, make_engine
from shared.settings import Settings
from shared.states import RejectionReason
from shared.webhooks import health as webhook_health
from shared.webhooks.health import WebhookHealth
from tests.dsl import configured, make_poll_due, site_id, worker
from tests.support.jira.hooks import Inbox, issue, payload
from tests.support.jira.simulated import SimulatedJira
from tests.support.waiting import eventually
from worker.doctor.findings import Status
from worker.doctor.webhooks import webhooks
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.webhooks.deliver import deliver

KEYS = ["PI-101", "PI-102", "PI-103"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that poll project PI and expect webhooks."""
    return configured(
        settings,
        jira_project=("PI",),
        jira_requests_per_minute=60_000,
        jira_webhook_secret=SecretStr("the secret of the shop"),
    )


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    """A worker that has imported every ticket."""
    poll(runtime)
    return runtime


def health_after_grace(engine: Engine) -> WebhookHealth:
    """The webhook health when the grace period for late webhooks is over."""
    with begin(engine) as session:
        session.execute(
            text("UPDATE unannounced_changes SET found_at = found_at - interval '1 hour'")
        )
        return webhook_health.webhook_health(session, site_id=site_id(session))


def edit_and_poll(runtime: Runtime, jira: SimulatedJira, keys: list[str]) -> None:
    """Change tickets in Jira, and find out by a poll."""
    for key in keys:
        jira.control("PATCH", f"tickets/{key}", {"summary": f"{key} once more"})
    make_poll_due(runtime.engine)
    poll(runtime)


def test_a_first_import_is_no_reason_for_an_alarm(engine: Engine, runtime: Runtime) -> None:
    del runtime
    assert health_after_grace(engine).unannounced == 0


def test_changes_that_polls_alone_find_raise_the_alarm(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    edit_and_poll(runtime, jira, KEYS[:2])
    assert not health_after_grace(engine).alarm
    edit_and_poll(runtime, jira, KEYS[2:])
    found = health_after_grace(engine)
    assert (found.unannounced, found.alarm, found.last_received_at) == (3, True, None)


def test_a_webhook_that_came_before_the_poll_keeps_it_quiet(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    inbox = Inbox(engine)
    for key in KEYS:
        jira.control("PATCH", f"tickets/{key}", {"summary": f"{key} once more"})
        issue_id = str(jira.simulator.store.get(key).id)
        inbox.put({"key": key, "id": issue_id}, signed=False)
    deliver(runtime)
    edit_and_poll(runtime, jira, [])
    assert health_after_grace(engine).unannounced == 0


def test_a_webhook_that_comes_after_the_poll_takes_it_back(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    edit_and_poll(runtime, jira, KEYS)
    assert health_after_grace(engine).alarm
    inbox = Inbox(engine)
    for key in KEYS:
        issue_id = str(jira.simulator.store.get(key).id)
        inbox.put(payload(about=issue(key, issue_id=issue_id)))
    deliver(runtime)
    found = health_after_grace(engine)
    assert (found.unannounced, found.alarm) == (0, False)
    assert found.last_received_at is not None


def test_where_no_webhook_is_expected_none_is_missed(
    engine: Engine, runtime: Runtime, jira: SimulatedJira
) -> None:
    with worker(runtime.settings.model_copy(update={"jira_webhook_secret": None})) as quiet:
        edit_and_poll(quiet, jira, KEYS)
    assert health_after_grace(engine).unannounced == 0


def test_rejections_are_written_down_a_moment_later(settings: Settings, engine: Engine) -> None:
    rejections = Rejections(ApiRuntime(settings, engine=engine))
    for _ in range(3):
        rejections.count(RejectionReason.WRONG_SIGNATURE)
    rejections.count(RejectionReason.NO_PROOF)

    def written() -> bool:
        found = {
            rejection.reason: rejection.count for rejection in health_after_grace(engine).rejected
        }
        return found == {RejectionReason.WRONG_SIGNATURE: 3, RejectionReason.NO_PROOF: 1}

    eventually(written)
    rejections.count(RejectionReason.NO_PROOF)
    rejections.flush()
    assert sum(rejection.count for rejection in health_after_grace(engine).rejected) == 5


def test_rejections_outlast_a_database_that_is_away(
    settings: Settings, dsn: str, engine: Engine
) -> None:
    database = make_engine(dsn)

    def refuse(*_: Any) -> None:
        raise psycopg.OperationalError("connection refused")

    event.listen(database, "do_connect", refuse)
    rejections = Rejections(ApiRuntime(settings, engine=database))
    rejections.count(RejectionReason.NO_PROOF)
    rejections.flush()
    assert not health_after_grace(engine).rejected
    event.remove(database, "do_connect", refuse)
    rejections.flush()
    database.dispose()
    assert [rejection.count for rejection in health_after_grace(engine).rejected] == [1]


@pytest.mark.parametrize(
    ("fault", "words", "remedy"),
    [
        ("none", "No webhook has arrived yet.", "the secret set here, JQL project in (PI)"),
        (
            "wrong_signature",
            "2 were rejected since yesterday: wrong signature 2",
            "JIRA_WEBHOOK_SECRET",
        ),
        ("wrong_credentials", "wrong user or password 2", "JIRA_WEBHOOK_USER"),
        ("variable", "1 named no ticket, as Jira sent {issue.key} as it stands", "${issue.key}"),
    ],
)
def test_the_doctor_names_what_is_wrong_with_webhooks_and_its_remedy(
    engine: Engine, runtime: Runtime, fault: str, words: str, remedy: str
) -> None:
    inbox = Inbox(engine)
    if fault != "none":
        inbox.put(payload(), variable="{issue.key}")
    if fault == "variable":
        inbox.put(b"", signed=False, variable="{issue.key}")
        deliver(runtime)
        assert "Data Center ${issue.key}" in (inbox.rows()[-1].reason or "")
    elif fault != "none":
        with begin(engine) as session:
            webhook_health.count_rejections(session, {RejectionReason(fault): 2})
    deliver(runtime)
    secret, finding = webhooks(engine, runtime.settings)
    assert (secret.status, finding.status) == (Status.OK, Status.WARN)
    assert words in finding.message
    assert remedy in finding.remedy
