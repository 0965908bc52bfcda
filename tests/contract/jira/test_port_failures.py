"""Failures of Jira, and the error that the client raises for each."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from shared.settings import Deployment
from shared.states import FailureCode, WaitCode
from tests.support.jira.clients import ConnectedJira
from worker.jira.errors import (
    JiraCaptchaLock,
    JiraCredentialsRefused,
    JiraError,
    JiraLimited,
    JiraUnavailable,
)
from worker.jira.port import ChangeQuery
from worker.simulator import defaults

SINGLE = "GET /rest/*/issue/PI-*"
FAR = 1e12

CALLS: dict[str, Callable[[ConnectedJira], object]] = {
    "read": lambda jira: jira.read("PI-42", "PI-43"),
    "verify": lambda jira: jira.jira.verify(),
    "fields": lambda jira: jira.jira.fields(),
    "changed_since": lambda jira: list(jira.jira.changed_since(ChangeQuery())),
    "server_info": lambda jira: jira.jira.server_info(),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


def failure(call: Callable[[ConnectedJira], object], jira: ConnectedJira) -> JiraError:
    started = time.monotonic()
    with pytest.raises(JiraError) as failed:
        call(jira)
    assert time.monotonic() - started < jira.settings.jira_timeout_seconds + 15
    error = failed.value
    for secret in (defaults.API_TOKEN, defaults.PAT, defaults.EMAIL):
        assert secret not in f"{error} {error.message} {error.__cause__}"
    return error


@every_call
@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "reset", "cut", "truncated", "html"])
def test_a_jira_in_trouble_is_unavailable(
    jira: ConnectedJira, kind: str, call: Callable[[ConnectedJira], object]
) -> None:
    jira.site.fault(kind)
    error = failure(call, jira)
    assert isinstance(error, JiraUnavailable)
    assert error.wait_code is WaitCode.JIRA_DOWN
    jira.site.heal()
    assert call(jira) is not None


@every_call
def test_a_silent_jira_costs_no_more_than_the_timeout(
    jira: ConnectedJira, call: Callable[[ConnectedJira], object]
) -> None:
    hasty = ConnectedJira(jira.product, jira.site, jira_timeout_seconds=0.3)
    with closing(hasty.jira):
        jira.site.fault("hang", delay=60)
        started = time.monotonic()
        assert isinstance(failure(call, hasty), JiraUnavailable)
        assert time.monotonic() - started < 15


@every_call
def test_a_jira_that_is_not_there_is_unavailable_and_welcome_back(
    jira: ConnectedJira, call: Callable[[ConnectedJira], object]
) -> None:
    call(jira)
    jira.site.simulator.stop()
    assert isinstance(failure(call, jira), JiraUnavailable)
    jira.site.simulator.start()
    assert call(jira) is not None


def test_a_503_says_how_long(jira: ConnectedJira) -> None:
    jira.site.fault("503", retryAfter=7)
    assert failure(CALLS["read"], jira).retry_after == 7.0


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        ({"retryAfter": 30}, 30.0, 30.0),
        ({"retryAfter": 0}, 0.0, 0.0),
        ({"retryAfter": 1.5}, 1.5, 1.5),
        ({"retryAfter": 1847}, 1847.0, 1847.0),
        ({"retryAfter": 90, "retryAfterForm": "date"}, 85.0, 90.0),
        ({"resetIn": 120}, 110.0, 120.0),
        ({"headers": {"X-RateLimit-Reset": "2000-01-01T00:00Z"}}, 0.0, 0.0),
        ({"headers": {"Retry-After": "in a while"}}, None, None),
        ({}, None, None),
    ],
)
def test_every_form_of_retry_after_is_understood(
    jira: ConnectedJira, fault: dict[str, Any], least: float | None, most: float | None
) -> None:
    jira.site.fault("429", reason="jira-burst-based", **fault)
    error = failure(CALLS["read"], jira)
    assert isinstance(error, JiraLimited)
    assert error.reason == "jira-burst-based"
    assert error.wait_code is WaitCode.RATE_LIMITED
    if least is None or most is None:
        assert error.retry_after is None
    else:
        assert error.retry_after is not None
        assert least <= error.retry_after <= most


@pytest.mark.parametrize(("kind", "calls"), [("429", 1), ("503", 1), ("500", 1), ("reset", 2)])
def test_the_client_never_sleeps_and_repeats_only_what_a_used_connection_lost(
    jira: ConnectedJira, kind: str, calls: int
) -> None:
    jira.read("PI-42")
    jira.site.fault(kind, retryAfter=60)
    before, started = jira.calls(), time.monotonic()
    failure(CALLS["read"], jira)
    assert jira.calls() - before == calls
    assert time.monotonic() - started < 20


@every_call
def test_an_expired_token_is_no_empty_jira(
    jira: ConnectedJira, call: Callable[[ConnectedJira], object]
) -> None:
    jira.site.control("PATCH", "settings", {"expired": True})
    error = failure(call, jira)
    assert isinstance(error, JiraCredentialsRefused)
    assert error.wait_code is WaitCode.CREDENTIALS_REFUSED
    jira.site.control("PATCH", "settings", {"expired": False})
    assert call(jira) is not None


def test_a_token_that_expires_among_the_single_reads_condemns_no_ticket(
    jira: ConnectedJira,
) -> None:
    jira.read("PI-42")
    jira.site.fault("expired", match=SINGLE)
    result = jira.read("PI-42", "PI-99998", "PI-99999")
    assert set(result.found) == {"PI-42"}
    assert result.unread == {"PI-99998", "PI-99999"}
    assert isinstance(result.interrupted, JiraCredentialsRefused)


def test_missing_tickets_are_believed_only_while_the_credentials_prove_good(
    jira: ConnectedJira,
) -> None:
    jira.read("PI-42")
    jira.site.fault("expired", match="GET /rest/*/myself")
    result = jira.read("PI-42", "PI-99999")
    assert not result.refused
    assert result.unread == {"PI-99999"}
    assert isinstance(result.interrupted, JiraCredentialsRefused)


def test_an_empty_bulk_read_of_many_asks_for_the_credentials_first(jira: ConnectedJira) -> None:
    jira.read("PI-42")
    jira.site.fault("expired", match="GET /rest/*/myself")
    before = jira.calls()
    with pytest.raises(JiraCredentialsRefused):
        jira.read(*[f"PI-9{number:04}" for number in range(50)])
    assert jira.calls() - before == 2


@every_call
def test_wrong_credentials_are_refused(
    jira: ConnectedJira, call: Callable[[ConnectedJira], object]
) -> None:
    wrong = ConnectedJira(jira.product, jira.site, jira_api_token="wrong", jira_pat="wrong")
    with closing(wrong.jira):
        assert isinstance(failure(call, wrong), JiraCredentialsRefused)


@every_call
def test_a_captcha_lock_is_distinguished_from_wrong_credentials(
    jira: ConnectedJira, call: Callable[[ConnectedJira], object]
) -> None:
    jira.site.fault("captcha")
    error = failure(call, jira)
    assert isinstance(error, JiraCaptchaLock)
    assert error.wait_code is WaitCode.CAPTCHA_LOCK


@pytest.mark.parametrize("kind", ["500", "429", "reset", "truncated", "html", "hang"])
def test_trouble_among_the_single_reads_keeps_what_the_bulk_read_found(
    jira: ConnectedJira, kind: str
) -> None:
    hasty = ConnectedJira(
        jira.product, jira.site, jira_timeout_seconds=0.5 if kind == "hang" else 2.0
    )
    with closing(hasty.jira):
        hasty.read("PI-42")
        jira.site.fault(kind, match=SINGLE, skip=1, delay=30)
        result = hasty.read("PI-42", "PI-99997", "PI-99998", "PI-99999")
    assert set(result.found) == {"PI-42"}
    assert not result.refused
    assert result.unread == {"PI-99997", "PI-99998", "PI-99999"}
    assert isinstance(result.interrupted, JiraError)


@pytest.mark.parametrize("kind", ["429", "401", "captcha"])
def test_after_a_rate_limit_even_the_credentials_are_not_checked(
    jira: ConnectedJira, kind: str
) -> None:
    jira.read("PI-42")
    jira.site.fault(kind, match=SINGLE, skip=1)
    before = jira.calls()
    jira.read("PI-42", "PI-99997", "PI-99998", "PI-99999")
    bulk_and_two_single_reads = 3
    assert jira.calls() - before == bulk_and_two_single_reads


def test_trouble_in_the_second_batch_keeps_the_first(jira: ConnectedJira) -> None:
    jira.read("PI-42")
    match = "POST /rest/*/issue/bulkfetch" if jira.cloud else "POST /rest/*/search"
    jira.site.fault("503", match=match, skip=1)
    keys = [f"PI-{number}" for number in range(50, 200)]
    result = jira.read(*keys)
    assert len(result.found) + len(result.unread) == 150
    assert len(result.unread) == 50
    assert isinstance(result.interrupted, JiraUnavailable)


def test_a_stale_read_gives_the_ticket_as_it_was_and_says_when_that_was(
    jira: ConnectedJira,
) -> None:
    fresh = jira.read("PI-42").found["PI-42"]
    jira.edit("PI-42", summary="Build 60 aluminum housings")
    jira.site.fault("stale")
    stale = jira.read("PI-42").found["PI-42"]
    assert stale.updated_at == fresh.updated_at
    jira.site.heal()
    assert jira.read("PI-42").found["PI-42"].updated_at > fresh.updated_at


def test_a_read_forbidden_as_a_whole_waits_and_blames_no_ticket(jira: ConnectedJira) -> None:
    jira.read("PI-42")
    for match in ("* /rest/*/search*", "* /rest/*/issue/*"):
        jira.site.fault("403", match=match)
    assert isinstance(failure(CALLS["read"], jira), JiraCredentialsRefused)


def test_a_failure_to_ask_for_the_deployment_is_not_remembered(jira: ConnectedJira) -> None:
    jira.site.fault("503", times=1)
    assert isinstance(failure(CALLS["read"], jira), JiraUnavailable)
    assert "PI-42" in jira.read("PI-42").found


def test_a_single_read_answered_with_nonsense_fails_that_ticket_alone(jira: ConnectedJira) -> None:
    jira.read("PI-42")
    jira.site.fault("409", match=SINGLE, times=1)
    result = jira.read("PI-42", "PI-99999")
    assert result.refused["PI-99999"].code is FailureCode.UNUSABLE_TICKET
    assert "PI-42" in result.found


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"jira_base_url": ""}, JiraUnavailable, "JIRA_BASE_URL is not set"),
        ({"jira_base_url": "http://no.such.host.invalid"}, JiraUnavailable, "no.such.host"),
        (
            {"jira_email": "", "jira_api_token": None, "jira_pat": None},
            JiraCredentialsRefused,
            "JIRA_EMAIL",
        ),
        ({"jira_api_token": "a\nb", "jira_pat": "a\nb"}, JiraCredentialsRefused, "credentials"),
        (
            {"jira_pat": "\u2603", "jira_deployment": Deployment.DATACENTER},
            JiraCredentialsRefused,
            "characters",
        ),
        (
            {"jira_email": "a:b", "jira_api_token": "x", "jira_pat": None},
            JiraCredentialsRefused,
            "colon",
        ),
    ],
)
def test_settings_that_cannot_work_are_said_by_the_first_call(
    jira: ConnectedJira, values: dict[str, Any], kind: type[JiraError], words: str
) -> None:
    broken = ConnectedJira(
        jira.product, jira.site, **({"jira_deployment": Deployment.CLOUD} | values)
    )
    with closing(broken.jira), pytest.raises(kind, match=words):
        broken.jira.read(["PI-42"], deadline=FAR)
