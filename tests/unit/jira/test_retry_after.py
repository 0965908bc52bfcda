"""How long Jira asks us to wait, in every known form."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from worker.jira.http.retry_after import LONGEST_WAIT, retry_after_seconds

NOW = datetime(2026, 11, 23, 10, 40, 0, tzinfo=UTC)


def wait_of(**headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return retry_after_seconds(CaseInsensitiveDict(named), now=NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("1847", 1847.0),
        ("-5", 0.0),
        ("999999999", LONGEST_WAIT),
        ("Mon, 23 Nov 2026 10:42:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 11:42:00 +0100", 120.0),
        ("Monday, 23-Nov-26 10:42:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 10:00:00 GMT", 0.0),
        ("2026-11-23T10:42:00Z", 120.0),
        ("2026-11-23T10:42Z", 120.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e400", None),
        ("30, 60", None),
    ],
)
def test_retry_after_is_understood_in_every_form(text: str, seconds: float | None) -> None:
    assert wait_of(Retry_After=text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23T10:42:00Z", 120.0),
        ("2026-11-23T10:42:00.000Z", 120.0),
        ("2026-11-23T10:42Z", 120.0),
        ("2026-11-23T12:42+02:00", 120.0),
        ("2026-11-23T10:42", 120.0),
        (str(int(NOW.timestamp()) + 120), 120.0),
        ("120", 120.0),
        ("later", None),
    ],
)
def test_a_reset_is_understood_with_and_without_seconds(text: str, seconds: float | None) -> None:
    assert wait_of(X_RateLimit_Reset=text) == seconds


def test_the_hour_of_a_quota_outweighs_retry_after_and_no_other_limit_does() -> None:
    reset = "2026-11-23T11:00Z"
    quota = wait_of(
        Retry_After="5", X_RateLimit_Reset=reset, RateLimit_Reason="jira-quota-tenant-based"
    )
    burst = wait_of(Retry_After="5", X_RateLimit_Reset=reset, RateLimit_Reason="jira-burst-based")
    assert quota == 1200.0
    assert burst == 5.0


def test_the_structured_header_is_the_last_resort() -> None:
    assert wait_of(RateLimit='"global-app-quota";r=0;t=900') == 900.0
    assert wait_of(RateLimit='"global-app-quota";r=5;t=900') is None
    assert wait_of(RateLimit='"global-app-quota";r=0;t=900', Retry_After="3") == 3.0


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["Retry-After", "X-RateLimit-Reset", "RateLimit"]), st.text())
)
def test_no_header_whatever_makes_it_fail(headers: dict[str, str]) -> None:
    wait = retry_after_seconds(CaseInsensitiveDict(headers), now=NOW)
    assert wait is None or 0.0 <= wait <= LONGEST_WAIT
