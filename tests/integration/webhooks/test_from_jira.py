"""Webhooks from a simulated Jira to the application, over real sockets in both directions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from shared.tickets import queries as tickets
from shared.webhooks.signatures import token_hash
from tests.dsl import configured, make_job, make_poll_due, site_id, worker
from tests.support.data.delivery_driver import DeliveryDriver
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from tests.support.servers.serving import served
from tests.support.waiting import eventually
from worker.polling.deleted_tickets import check_deleted_tickets
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.simulator import defaults
from worker.simulator.config import Deployment
from worker.sync.drain import drain
from worker.webhooks.deliver import deliver

CLOUD, DATA_CENTER = Deployment.CLOUD, Deployment.SERVER
USER, PASSWORD = "jira", "pä:ss/@ of some length"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with every proof set up."""
    return configured(
        settings,
        jira_pat=None,
        jira_project=("PI",),
        jira_requests_per_minute=60_000,
        jira_webhook_secret="a-webhook-secret-of-some-length",
        jira_webhook_user=USER,
        jira_webhook_password=PASSWORD,
        jira_webhook_token_hash=token_hash("t0ken"),
    )


Shop = tuple[SimulatedJira, Runtime, DeliveryDriver]


@contextmanager
def shop(
    settings: Settings, engine: Engine, deployment: Deployment, hook: dict[str, Any]
) -> Iterator[Shop]:
    """A Jira with this webhook, the application that receives it, and a worker."""
    with served(settings, engine) as address, simulated_jira(deployment=deployment) as jira:
        url = f"{address}/api/webhooks/jira{hook.pop('query', '')}"
        login = hook.pop("login", "")
        jira.control("POST", "webhooks", {**hook, "url": url.replace("//", f"//{login}", 1)})
        of_jira = {"jira_base_url": jira.url}
        if deployment is DATA_CENTER:
            of_jira |= {"jira_deployment": "datacenter", "jira_pat": defaults.PAT}
        with worker(configured(settings, **of_jira)) as runtime:
            yield jira, runtime, DeliveryDriver(engine, runtime)


def received(jira: SimulatedJira, driver: DeliveryDriver) -> list[tuple[str | None, str | None]]:
    """Once Jira has sent everything: apply it; event and outcome of each delivery."""
    eventually(lambda: jira.control("GET", "webhooks/deliveries")["summary"]["pending"] == 0)
    deliver(driver.runtime)
    return [(row.event, row.outcome) for row in driver.inbox.rows()]


@pytest.mark.parametrize(
    ("deployment", "hook", "signed"),
    [
        (CLOUD, {"secret": "a-webhook-secret-of-some-length"}, True),
        (CLOUD, {"secret": "a-webhook-secret-of-some-length", "capitals": True}, True),
        (CLOUD, {"login": f"{USER}:{quote(PASSWORD, safe='')}@"}, False),
        (CLOUD, {"query": "?token=t0ken&key={issue.key}", "excludeBody": True}, False),
        (
            DATA_CENTER,
            {"secret": "a-webhook-secret-of-some-length", "user": USER, "password": PASSWORD},
            True,
        ),
        (DATA_CENTER, {"user": USER, "password": PASSWORD}, False),
        (DATA_CENTER, {"query": "?token=t0ken&key=${issue.key}", "excludeBody": True}, False),
    ],
)
def test_a_webhook_of_each_product_with_each_proof_fills_the_job(
    settings: Settings,
    engine: Engine,
    deployment: Deployment,
    hook: dict[str, Any],
    *,
    signed: bool,
) -> None:
    with shop(settings, engine, deployment, dict(hook)) as (jira, runtime, driver):
        job_id = make_job(engine)
        jira.control("PATCH", "tickets/PI-42", {"summary": "Announced"})
        ((_, outcome),) = received(jira, driver)
        assert outcome == ("filled" if signed else "noted")
        if not signed:
            drain(runtime)
    job = driver.read(job_id)
    assert (job.jira_ticket_summary, job.jira_epic_link) == ("Announced", "PI-10")
    assert driver.task(job_id).source == ("webhook" if signed else "api")


def test_a_variable_that_jira_does_not_replace_is_named_in_the_reason(
    settings: Settings, engine: Engine
) -> None:
    hook = {"query": "?token=t0ken&key={issue.key}", "excludeBody": True}
    with shop(settings, engine, DATA_CENTER, hook) as (jira, _, driver):
        jira.control("PATCH", "tickets/PI-42", {"summary": "Announced"})
        assert received(jira, driver) == [(None, "ignored")]
    (row,) = driver.inbox.rows()
    assert "Jira sent {issue.key} in the address as it stands" in (row.reason or "")


def test_an_epic_link_of_data_center_is_read_again_and_counts_as_announced(
    settings: Settings, engine: Engine
) -> None:
    with shop(settings, engine, DATA_CENTER, {"secret": "a-webhook-secret-of-some-length"}) as (
        jira,
        runtime,
        driver,
    ):
        poll(runtime)
        jira.control("PATCH", "tickets/PI-42", {"parent": "PI-50"})
        outcomes = {("issuelink_created", "noted"), ("issuelink_deleted", "noted")}
        assert set(received(jira, driver)) == outcomes
        check_deleted_tickets(runtime)
        with begin(engine) as session:
            copy = tickets.one(session, "PI-42", site_id=site_id(session))
        assert copy is not None
        assert copy.epic_link == "PI-50"
        # The epics change with the link, and the poll finds that before anything reads them again.
        jira.control("PATCH", "tickets/PI-43", {"parent": "PI-50"})
        assert set(received(jira, driver)) == outcomes
        make_poll_due(engine)
        poll(runtime)
    with begin(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM unannounced_changes")) == 0
