"""The first page: what waits, what went, how Jira is, who is alive, and what to do about it."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.kit.live import show_live
from api.dashboard.kit.pages import Pages
from api.dashboard.overview import charts
from shared.sync import summary as sync_summary

pages = Pages("overview", __name__)


@pages.page("/")
def overview() -> Response:
    """How things stand."""
    return show_live("overview", _read)


def _read(session: Session) -> dict[str, Any]:
    summary = sync_summary.summary(session)
    minutes = summary.hour.minutes
    return {
        "summary": summary,
        "chart": charts.per_minute(minutes),
        "minutes": charts.rows(minutes),
    }
