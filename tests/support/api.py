"""The REST API and the dashboard in this process, for a client on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine

from api.app import create_app
from api.runtime import runtime_of
from shared.accounts import operators
from shared.accounts import tokens as access_tokens
from shared.database.engine import begin
from shared.settings import Settings
from shared.states import Role, Scope

PASSWORD = "correct horse battery"


@contextmanager
def application(settings: Settings, engine: Engine) -> Iterator[Any]:
    """The application, on the test's database and broker; its threads end with it."""
    app = create_app(settings, engine=engine)
    app.config["TESTING"] = False
    try:
        yield app
    finally:
        runtime_of(app).close()


def token(engine: Engine, *scopes: Scope, name: str = "planner") -> str:
    """A new token with these scopes."""
    with begin(engine) as session:
        return access_tokens.create(session, name, scopes=scopes)


def bearer(value: str) -> dict[str, str]:
    """The header that sends it."""
    return {"Authorization": f"Bearer {value}"}


def operator(engine: Engine, name: str = "ada", *, role: Role = Role.FULL) -> None:
    """A new account with PASSWORD."""
    with begin(engine) as session:
        operators.add(session, name, password=PASSWORD, role=role)


def log_in(
    client: FlaskClient, name: str = "ada", *, password: str = PASSWORD, **options: Any
) -> Any:
    """Fill in the login form."""
    page = client.get("/login", **options).get_data(as_text=True)
    form = {"name": name, "password": password, "csrf_token": csrf_token(page)}
    return client.post("/login", data=form, **options)


def csrf_token(page: str) -> str:
    """The token in a form of this page."""
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
