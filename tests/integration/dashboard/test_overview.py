"""The first page: what waits, what went, how Jira is, who lives, and what to do."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from api.dashboard.overview import charts
from shared.database.engine import begin
from shared.sync.summary import Minute
from tests.support.data import seed


@pytest.fixture
def pages(engine: Engine, pages: FlaskClient) -> FlaskClient:
    seed.shop(engine, jobs=120)
    return pages


def _count(engine: Engine, where: str) -> int:
    with begin(engine) as session:
        return session.scalar(text(f"SELECT count(*) FROM sync_tasks WHERE {where}")) or 0


def _tile(page: str, name: str) -> str:
    tile = page.split(f'<span class="tile-name">{name}</span>', 1)[1]
    return tile.split('<span class="tile-value">', 1)[1].split("</span>", 1)[0]


def test_counts_are_those_of_the_table(pages: FlaskClient, engine: Engine) -> None:
    page = pages.get("/").text
    assert _tile(page, "Waiting") == str(_count(engine, "status IN ('pending', 'running')"))
    assert _tile(page, "Failed") == str(_count(engine, "status = 'failed'"))
    assert _tile(page, "Filled") == str(_count(engine, "status = 'filled'"))
    assert "ms" in _tile(page, "From create to fill")


def test_each_cause_comes_with_its_count_and_a_remedy(pages: FlaskClient, engine: Engine) -> None:
    page = pages.get("/").text
    cause = page.split('data-key="cause-ticket_not_found"', 1)[1].split("</li>", 1)[0]
    number = _count(engine, "error_code = 'ticket_not_found'")
    assert f">{number}</p>" in cause
    assert "give the account access" in cause
    assert "Retry these" in cause


@pytest.mark.parametrize(
    ("code", "minutes", "words"),
    [
        ("rate_limited", 5, "limited until"),
        ("jira_down", 1, "down since"),
        ("credentials_refused", 1, "credentials refused since"),
        ("captcha_lock", None, "account locked behind a CAPTCHA since"),
    ],
)
def test_the_state_of_jira_is_described_with_the_number_of_waiting_tasks(
    pages: FlaskClient, engine: Engine, code: str, minutes: int | None, words: str
) -> None:
    with begin(engine) as session:
        now = session.scalar(text("SELECT now()"))
        until = now + timedelta(minutes=minutes) if minutes else None
        seed.pause(session, code, "Jira says so.", until=until)
    notice = pages.get("/").text.split("jira-notice", 1)[1].split("</p>", 1)[0]
    waiting = _count(engine, "status IN ('pending', 'running')")
    assert words in notice
    assert f"{waiting} tasks waiting" in notice
    assert "Jira says so." in notice


def test_a_worker_that_fell_silent_is_shown(pages: FlaskClient, engine: Engine) -> None:
    assert "No heartbeat" not in pages.get("/").text
    with begin(engine) as session:
        session.execute(
            text("""
            UPDATE heartbeats SET seen_at = now() - interval '3 minutes' WHERE name = 'worker'
        """)
        )
    page = pages.get("/").text
    worker = page.split("<dt>Workers</dt>", 1)[1].split("</div>", 1)[0]
    assert "No heartbeat" in worker
    assert "3 min ago" in worker


def test_waiting_and_rejected_webhooks_are_counted(pages: FlaskClient, engine: Engine) -> None:
    with begin(engine) as session:
        session.execute(
            text("""
            INSERT INTO webhook_deliveries (id, identifier, signed, body, body_size)
            VALUES ('hook_1', 'one', true, '', 0)
        """)
        )
        session.execute(
            text("""
            INSERT INTO webhook_rejections (day, reason, count, last_at)
            VALUES ((now() AT TIME ZONE 'UTC')::date, 'no_proof', 7, now())
        """)
        )
    page = pages.get("/").text
    assert "1 waiting" in page
    assert "7 rejected today" in page


def test_the_chart_says_in_words_and_in_a_table_what_it_draws(pages: FlaskClient) -> None:
    page = pages.get("/").text
    assert 'role="img" aria-label="In the last hour' in page
    assert page.count('data-key="minute-') == page.count('<g data-key="') > 5


def _minutes(*counts: tuple[int, int]) -> list[Minute]:
    start = datetime(2024, 1, 15, 10, 0, tzinfo=UTC)
    return [Minute(start + timedelta(minutes=i), *pair) for i, pair in enumerate(counts)]


def test_bars_stand_on_each_other_and_fit() -> None:
    chart = charts.per_minute(_minutes((3, 1), (0, 0), (10, 0)))
    first, empty, highest = chart.bars
    assert first.failed_y + first.failed_height == pytest.approx(first.filled_y)
    assert first.filled_y + first.filled_height == pytest.approx(chart.base)
    assert (empty.filled_height, empty.failed_height) == (0, 0)
    assert highest.filled_y >= 0
    assert highest.filled_height > first.filled_height + first.failed_height
    assert [level.title for level in chart.levels] == ["0", "5", "10"]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 2), (2, 2), (3, 4), (5, 10), (11, 20), (21, 40), (41, 100), (950, 1000)]
)
def test_a_scale_ends_above_what_it_shows_and_its_half_is_whole(value: int, top: int) -> None:
    assert charts.round_up(value) == top


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (950, "950"), (2000, "2k"), (1_500_000, "1.5M")]
)
def test_numbers_beside_an_axis_are_short(value: int, words: str) -> None:
    assert charts.short(value) == words


def test_an_hour_without_anything_is_said_to_be_so() -> None:
    assert charts.per_minute(_minutes((0, 0))).summary.startswith("Nothing was filled")
