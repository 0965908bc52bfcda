"""Webhooks about tickets outside the projects of JIRA_PROJECT: nothing of them is kept or used."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.settings import Settings
from tests.dsl import configured, receive_ticket
from tests.support.data.delivery_driver import DeliveryDriver
from tests.support.jira.hooks import issue, payload

REASON = "SECRET-9 is in none of the projects PI, TL (JIRA_PROJECT)."
NEW = datetime(2024, 2, 1, tzinfo=UTC)
OLD = datetime(2023, 2, 1, tzinfo=UTC)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two projects may fill jobs."""
    return configured(settings, jira_project=("PI", "TL"))


@pytest.mark.parametrize(
    "event", ["jira:issue_updated", "jira:issue_created", "jira:issue_deleted"]
)
@pytest.mark.parametrize("signed", [True, False])
def test_it_is_ignored_with_the_reason_and_its_body_is_deleted(
    driver: DeliveryDriver, event: str, *, signed: bool
) -> None:
    driver.job("SECRET-9")
    delivery = driver.receive(payload(event, about=issue("SECRET-9")), signed=signed)
    assert (delivery.outcome, delivery.reason) == ("ignored", REASON)
    assert delivery.body is None
    assert driver.copy() is None


def test_a_key_in_the_address_counts_too(driver: DeliveryDriver) -> None:
    delivery = driver.receive(b"", signed=False, ticket_key="SECRET-9")
    assert (delivery.outcome, delivery.reason) == ("ignored", REASON)


@pytest.mark.parametrize(("changed", "kept"), [(NEW, False), (OLD, True)])
def test_a_ticket_that_is_moved_outside_leaves_a_copy_that_counts_as_deleted(
    driver: DeliveryDriver, changed: datetime, *, kept: bool
) -> None:
    receive_ticket(driver.engine, "PI-42")
    about = issue("SECRET-9", issue_id="10042", summary="secret", updated=changed)
    delivery = driver.receive(payload(about=about, moved_from="PI-42"))
    assert (delivery.outcome, delivery.reason) == ("ignored", REASON)
    copy = driver.copied()
    assert (copy.key, copy.summary) == ("PI-42", "Build 50 aluminum housings")
    assert (copy.deleted_at is None) == kept


def test_a_ticket_that_is_moved_inside_fills_the_job_that_waits(driver: DeliveryDriver) -> None:
    job_id = driver.job("SECRET-9")
    moved: dict[str, Any] = issue("PI-7", updated=NEW)
    assert driver.receive(payload(about=moved, moved_from="SECRET-9")).outcome == "filled"
    assert driver.read(job_id).jira_part_number == "ALU-HOUSING-7075"
