"""Short texts of a pause, for the API, the dashboard and the command line."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.states import WaitCode
from shared.sync.pauses import Pause, in_words

NOW = datetime(2024, 1, 15, 10, 35, tzinfo=UTC)
SINCE = datetime(2024, 1, 15, 10, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "until", "words"),
    [
        (WaitCode.RATE_LIMITED, NOW + timedelta(minutes=7), "limited until 10:42 UTC"),
        (WaitCode.RATE_LIMITED, NOW + timedelta(days=1), "limited until 2024-01-16 10:35 UTC"),
        (WaitCode.JIRA_DOWN, NOW + timedelta(seconds=5), "down since 10:31 UTC"),
        (WaitCode.CREDENTIALS_REFUSED, NOW, "credentials refused since 10:31 UTC"),
        (WaitCode.CAPTCHA_LOCK, None, "account locked behind a CAPTCHA since 10:31 UTC"),
    ],
)
def test_a_pause_says_until_or_since_when(
    code: WaitCode, until: datetime | None, words: str
) -> None:
    assert in_words(Pause(code, "long words", SINCE, until, 1), now=NOW) == words


def test_times_are_utc_wherever_the_database_sits() -> None:
    here = SINCE.astimezone(timezone(timedelta(hours=9)))
    pause = Pause(WaitCode.JIRA_DOWN, "long words", here, NOW, 1)
    assert in_words(pause, now=NOW) == "down since 10:31 UTC"


def test_without_a_pause_all_is_well() -> None:
    assert in_words(None, now=NOW) == "ok"
