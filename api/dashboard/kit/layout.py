"""The layout of every page: navigation, operator, colours, and what all templates can use."""

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
from api.dashboard.kit import assets, formats, labels, theme
from api.runtime import current_runtime
from shared.clock import iso_millis
from shared.printable import in_reading_order


class NavigationEntry(NamedTuple):
    """One link of the navigation."""

    name: str
    address: str
    icon: str


NAVIGATION = (
    NavigationEntry("Overview", "/", "overview"),
    NavigationEntry("Tasks", "/tasks", "tasks"),
    NavigationEntry("Jobs", "/jobs", "jobs"),
    NavigationEntry("Deliveries", "/deliveries", "deliveries"),
    NavigationEntry("Jira", "/jira", "jira"),
    NavigationEntry("Audit", "/audit", "audit"),
)


def render_page(page: str, *, status: int = 200, **context: Any) -> Response:
    """The template ``PAGE.html`` as a response."""
    return make_response(render_template(f"{page}.html", **context), status)


def redirect_after_post(address: str) -> Response:
    """A redirect to a page that can be reloaded without sending the form again."""
    return make_response(redirect(address, 303))


def register(app: Flask) -> None:
    """Give every template what the layout needs."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.finalize = _shown
    app.jinja_env.filters.update({function.__name__: function for function in formats.FILTERS})
    app.jinja_env.filters["iso"] = iso_millis
    app.jinja_env.globals["labels"] = labels
    app.register_blueprint(Blueprint("kit", __name__, template_folder="."))
    assets.register(app)
    theme.register(app)
    app.context_processor(_context)


def _shown(value: Any) -> Any:
    """A value as a template writes it; a form's field, which is markup, keeps its text."""
    return in_reading_order(value) if type(value) is str else value


def _context() -> dict[str, Any]:
    authorized = bool(g.get("authorized"))
    operator = g.get("operator")
    return {
        "authorized": authorized,
        "open_mode": authorized and operator is None,
        "operator": operator,
        "may_act": authorized and may_act(),
        "navigation": _links(),
        "theme": theme.chosen(),
        "themes": list(theme.Theme),
        "asset": assets.address,
        "now": current_runtime().clock.now(),
        "jira_address": current_runtime().settings.browse_url.rstrip("/"),
        "page_address": request.full_path.rstrip("?"),
    }


def _links() -> list[NavigationEntry]:
    """The links whose pages exist."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    return [entry for entry in NAVIGATION if entry.address in rules]
