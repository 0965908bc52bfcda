"""The overview: counts of tasks, the last hour, Jira's state, running processes, and failures."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.dashboard.overview import charts
from api.runtime import current_runtime
from shared.sync import summary as sync_summary
from shared.tickets import sites
from shared.tickets.poll_health import poll_health

pages = Pages("overview", __name__)


@pages.page("/")
def overview() -> Response:
    """The first page."""
    return show_live("overview", _read)


def _read(session: Session) -> dict[str, Any]:
    summary = sync_summary.summary(session)
    minutes, settings = summary.hour.minutes, current_runtime().settings
    return {
        "summary": summary,
        "site_change": sites.change_in_words(sites.status(session, settings), settings),
        "poll": poll_health(session, settings),
        "chart": charts.per_minute(minutes),
        "minutes": charts.rows(minutes),
    }
