"""Hostile values in every parameter of every page are answered with a page, never with a 5xx."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Request, url_for
from sqlalchemy import Engine, text
from werkzeug.datastructures import ImmutableMultiDict

from api.dashboard import PAGES
from api.dashboard.kit.list_request import WITHIN
from api.schemas.fields import Query
from shared.database.engine import begin
from tests.dsl import csrf_token
from tests.support.data import seed, seed_records
from tests.support.hostile import QUERY_VALUES, repeated

_UNGUARDED = ("login", "theme", "assets")
_OWNERS = (*(pages.name for pages in PAGES), *_UNGUARDED)
_TABLES = {"job_id": "jobs", "task_id": "sync_tasks", "delivery_id": "webhook_deliveries"}
_UNKNOWN = "is not a known parameter"


class _Recorded(ImmutableMultiDict[str, str]):
    """Parameters that record the names that a view reads."""

    names: set[str] = set()  # noqa: RUF012  shared on purpose: requests come and go

    def get(self, key: str, *rest: Any, **options: Any) -> Any:
        self.names.add(key)
        return super().get(key, *rest, **options)

    def getlist(self, key: str, *rest: Any, **options: Any) -> Any:
        self.names.add(key)
        return super().getlist(key, *rest, **options)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))  # how values of address and form together are looked up
        return super().__contains__(key)

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return str(super().__getitem__(key))


class _Recording(Request):
    parameter_storage_class = _Recorded


def _names_of(model: type[Query]) -> Iterator[str]:
    yield from (field.alias or name for name, field in model.model_fields.items())
    for further in model.__subclasses__():
        yield from _names_of(further)


@pytest.fixture
def app(app: Flask, engine: Engine) -> Flask:
    """The application over a few rows, recording the parameters that are read."""
    seed.shop(engine, jobs=5)
    seed_records.deliveries(engine, number=3)
    app.request_class = _Recording
    return app


@pytest.fixture
def rows(app: Flask, engine: Engine) -> dict[str, str]:
    """For each variable of an address that names a row: one that exists."""
    assert app
    with begin(engine) as session:
        return {
            name: session.execute(text(f"SELECT max(id) FROM {table}")).scalar_one()
            for name, table in _TABLES.items()
        }


def _addresses(app: Flask, rows: dict[str, str], method: str) -> list[str]:
    """The addresses of all pages, each of an existing row where it shows one."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith(_OWNERS) and method in (rule.methods or ()):
                values = {name: rows.get(name, "tokens.css") for name in rule.arguments}
                found.append(url_for(rule.endpoint, **values))
    assert found
    return found


def _known_names(client: Any, address: str, query: str) -> list[str]:
    """Names of parameters that this page takes: those it asks for, and those it does not refuse."""
    _Recorded.names.clear()
    client.get(f"{address}?{query}")
    asked_for = set(_Recorded.names)
    candidates = {*_names_of(Query), WITHIN}
    refusing = _UNKNOWN in client.get(f"{address}?{query}&unheard_of=1").text
    if not refusing:
        return sorted(asked_for)
    known = (n for n in candidates if _UNKNOWN not in client.get(f"{address}?{query}&{n}=x").text)
    return sorted(asked_for | set(known))


def _check(answer: Any, sent: str) -> None:
    assert answer.status_code < 500, sent
    if answer.status_code >= 400:
        assert answer.mimetype in ("text/html", "application/json"), sent
        assert "Something went wrong" not in answer.text, sent
    if answer.mimetype == "text/html":
        assert "<script>alert" not in answer.text, sent
    assert "X-Injected" not in answer.headers, sent


def _queries(address: str) -> list[str]:
    """What a page needs before it reads its filters: actions ask for a scope."""
    return ["scope=matching", "scope=selected&id=x"] if _is_action(address) else [""]


def _is_action(address: str) -> bool:
    return address.rpartition("/")[2] in ("retry", "cancel", "replay")


@pytest.mark.timeout(600)
def test_no_value_of_a_parameter_makes_a_page_fail(app: Flask, rows: dict[str, str]) -> None:
    client = app.test_client()
    for address in _addresses(app, rows, "GET"):
        for query in _queries(address):
            for name in _known_names(client, address, query):
                for pair in _pairs(name):
                    sent = f"{address}?{query}&{pair}"
                    _check(client.get(sent, headers={"Accept": "text/html"}), sent)


@pytest.mark.timeout(600)
def test_no_value_of_a_field_makes_a_form_fail(app: Flask, rows: dict[str, str]) -> None:
    for address in _addresses(app, rows, "POST"):
        for scope in _queries(address):
            client = app.test_client()
            fields = f"csrf_token={csrf_token(client.get('/').text)}&{scope}"
            _Recorded.names.clear()
            assert "open too long" not in _post(client, address, fields).text
            assert "csrf_token" in _Recorded.names
            for name in sorted(_Recorded.names - {"csrf_token"}):
                for pair in _pairs(name):
                    _check(_post(client, address, f"{fields}&{pair}"), f"{address} {pair}")


def _pairs(name: str) -> list[str]:
    return [*(f"{name}={value}" for value in QUERY_VALUES.values()), repeated(name)]


def _post(client: Any, address: str, fields: str) -> Any:
    return client.post(address, data=fields, content_type="application/x-www-form-urlencoded")


def test_the_parameters_that_are_tried_are_those_of_the_pages(
    app: Flask, rows: dict[str, str]
) -> None:
    client = app.test_client()
    found = {
        address: {n for query in _queries(address) for n in _known_names(client, address, query)}
        for address in _addresses(app, rows, "GET")
    }
    assert {"q", "status", "cursor", "within", "since"} <= found["/tasks"]
    assert {"q", "status", "within", "since", "id"} <= found["/tasks/retry"]
    assert {"q", "outcome", "receivedSince"} <= found["/deliveries/replay"]
    assert {"jiraSync", "cursor"} <= found["/jobs"]
    assert {"action", "actor", "since"} <= found["/audit"]
    assert {"find", "ticket"} <= found["/jobs/new"]
    assert "units" in found[f"/jobs/{rows['job_id']}"]
    assert "next" in found["/login"]
    assert {"/theme", "/jobs/new", "/tasks/retry"} <= set(_addresses(app, rows, "POST"))


@pytest.mark.parametrize(
    "address",
    [
        "/tasks?cursor=MjAyNC0wMS0xNVQwMDowMDowMCswMDowMCBzeW5jXwA",
        "/tasks/retry?scope=matching&since=0001-01-01T00:00:00%2B14:00",
        "/tasks?sort=createdAt&sort=updatedAt",
        "/tasks?stauts=failed",
        "/tasks/cancel?scope=matching&stauts=failed",
        "/deliveries/replay?scope=matching&outcom=failed",
        "/jobs?limit=10",
    ],
)
def test_what_a_list_does_not_understand_is_refused_with_the_reason(
    app: Flask, address: str
) -> None:
    answer = app.test_client().get(address, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "This request is not valid" in answer.text
