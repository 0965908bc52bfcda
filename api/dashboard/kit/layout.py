"""The frame of every page: navigation, operator, theme, and the templates put into it."""

from typing import Any, NamedTuple

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
)

from api.auth.sessions import may_act
from api.dashboard.kit import assets, theme, words
from api.runtime import current_runtime


class Entry(NamedTuple):
    """One line of the navigation."""

    name: str
    address: str
    icon: str


NAVIGATION = (
    Entry("Overview", "/", "overview"),
    Entry("Tasks", "/tasks", "tasks"),
    Entry("Jobs", "/jobs", "jobs"),
    Entry("Deliveries", "/deliveries", "deliveries"),
    Entry("Jira", "/jira", "jira"),
    Entry("Audit", "/audit", "audit"),
)


def show(page: str, *, status: int = 200, **context: Any) -> Response:
    """A page that does not refresh itself: the template ``page.html``."""
    return make_response(render_template(f"{page}.html", **context), status)


def go_on(address: str) -> Response:
    """After a form: to a page that may be reloaded without doing it again."""
    return make_response(redirect(address, 303))


def register(app: Flask) -> None:
    """Give every template what the frame needs."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(Blueprint("kit", __name__, template_folder="."))
    assets.register(app)
    theme.register(app)
    words.register(app)
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    inside = bool(g.get("inside"))
    operator = g.get("operator")
    return {
        "inside": inside,
        "stands_open": inside and operator is None,
        "operator": operator,
        "may_act": inside and may_act(),
        "navigation": _entries(),
        "theme": theme.chosen(),
        "themes": list(theme.Theme),
        "asset": assets.address,
        "now": current_runtime().clock.now(),
        "jira_address": current_runtime().settings.browse_url.rstrip("/"),
        "here": request.full_path.rstrip("?"),
    }


def _entries() -> list[Entry]:
    """Lines whose pages are there."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    return [entry for entry in NAVIGATION if entry.address in rules]
