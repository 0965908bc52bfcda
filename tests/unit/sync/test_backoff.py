"""When Jira is called again after a call that failed as a whole."""

import pytest

from shared.states import WaitCode
from worker.breaker.backoff import pause_after
from worker.jira.errors import (
    JiraCaptchaLock,
    JiraCredentialsRefused,
    JiraError,
    JiraLimited,
    JiraScopeMissing,
    JiraUnavailable,
    MappingError,
)


@pytest.mark.parametrize(
    ("error", "delays"),
    [
        (JiraUnavailable("down"), [1, 2, 4, 8, 10, 10]),
        (JiraCredentialsRefused("no"), [5, 10, 20, 40, 60, 60]),
    ],
)
def test_pauses_double_up_to_their_longest(error: JiraError, delays: list[float]) -> None:
    found = [pause_after(error, failures=n, jitter=lambda: 0.0).delay for n in range(6)]
    assert found == delays


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("failures", [0, 3, 1000])
@pytest.mark.parametrize("retry_after", [0.2, 1.5, 30, 1847])
def test_retry_after_is_a_minimum_whatever_the_jitter(
    retry_after: float, failures: int, jitter: float
) -> None:
    error = JiraLimited("slow down", retry_after=retry_after)
    delay = pause_after(error, failures=failures, jitter=lambda: jitter).delay
    assert delay is not None
    assert delay >= retry_after
    assert delay <= max(retry_after * 1.1, 10)


def test_an_absurd_retry_after_is_cut_to_some_hours() -> None:
    error = JiraLimited("slow down", retry_after=1e9)
    delay = pause_after(error, failures=0).delay
    assert delay is not None
    assert delay <= 24_000


def test_a_captcha_lock_waits_for_a_person() -> None:
    decision = pause_after(JiraCaptchaLock("locked"), failures=3)
    assert (decision.code, decision.delay) == (WaitCode.CAPTCHA_LOCK, None)
    assert "browser" in decision.message


def test_jitter_spreads_workers_but_never_past_the_longest_pause() -> None:
    delays = {pause_after(JiraUnavailable("x"), failures=9).delay for _ in range(20)}
    assert len(delays) > 10
    assert all(delay is not None and 6.9 < delay <= 10 for delay in delays)


def test_a_mapping_that_does_not_fit_is_not_blamed_on_jira() -> None:
    decision = pause_after(MappingError("two fields are called Part Number"), failures=0)
    assert "two fields are called Part Number" in decision.message
    assert "cannot be reached" not in decision.message


def test_a_missing_scope_is_not_called_refused_credentials() -> None:
    error = JiraScopeMissing("the token lacks a scope for GET issue/PI-1", status=401)
    decision = pause_after(error, failures=0)
    assert decision.code is WaitCode.CREDENTIALS_REFUSED
    assert "lacks a scope for GET issue/PI-1" in decision.message
    assert "expired" not in decision.message
