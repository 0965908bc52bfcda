"""Hostile values for every parameter, header, variable and body of the route table: no 5xx."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from api.rest.resource import Route
from api.routes import RESOURCES
from shared.database.engine import begin
from shared.settings import Settings
from shared.states import Scope
from shared.webhooks.signatures import token_hash
from tests.dsl import ApiClient, bearer, configured, token
from tests.support import hostile
from tests.support.data import seed, seed_records

ROUTES = [route for resource in RESOURCES for route in resource.routes]
WEBHOOK = next(route for route in ROUTES if route.operation_id == "webhooks_receive_post")
WEBHOOK_PARAMETERS = ["token", "key", "issueId"]
WEBHOOK_TOKEN = "automation-token"
HEADERS = {
    WEBHOOK.operation_id: (
        *("X-Hub-Signature", "X-Routecard-Token", "X-Atlassian-Webhook-Identifier"),
        *("X-Atlassian-Webhook-Retry", "X-Atlassian-Webhook-Flow", "Content-Encoding"),
    ),
    "jobs_create_post": (
        *("Authorization", "Content-Type", "Content-Encoding", "Accept", "Origin", "Host"),
        *("X-Request-ID", "X-Forwarded-For", "Expect", "Cookie", "Range", "If-None-Match"),
    ),
}
"""Headers that no model declares: a view, or what all routes share, reads them."""
TABLES = {"paths": "paths", "deliveries": "webhook_deliveries", "sync": "sync_tasks"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with a token for automation's webhooks."""
    return configured(settings, jira_webhook_token_hash=token_hash(WEBHOOK_TOKEN))


@pytest.fixture
def api(settings: Settings, engine: Engine, api: ApiClient) -> ApiClient:
    """The API over a shop with jobs, tasks, units, tickets and deliveries."""
    seed.shop(engine, jobs=12)
    seed_records.tickets(engine)
    seed_records.deliveries(engine, number=8)
    seed_records.route(engine, settings)
    return api


@pytest.fixture
def headers(engine: Engine) -> dict[str, str]:
    """Headers of a caller that may do everything."""
    return {**bearer(token(engine, *Scope)), "X-Routecard-Token": WEBHOOK_TOKEN}


def names_of(model: type[BaseModel] | None) -> list[str]:
    """The names of a model's fields, as a client sends them."""
    fields = model.model_fields.items() if model else ()
    return [field.alias or name for name, field in fields]


def parameters(route: Route) -> list[str]:
    """The names of a route's query parameters; the webhook's view reads its own."""
    return WEBHOOK_PARAMETERS if route is WEBHOOK else names_of(route.input("query"))


def sent_headers(route: Route) -> list[str]:
    """The names of the request headers that matter to a route."""
    return [*names_of(route.input("header")), *HEADERS.get(route.operation_id, ())]


def such(condition: Callable[[Route], object]) -> list[Any]:
    """The routes that fulfil a condition, as parameters of a test."""
    return [pytest.param(one, id=one.operation_id) for one in ROUTES if condition(one)]


def address_of(route: Route, engine: Engine) -> str:
    """The address of something that exists."""
    table = TABLES.get(route.resource, "jobs")
    with begin(engine) as session:
        found = session.execute(text(f"SELECT max(id) FROM {table}")).scalar_one()
        number = session.execute(text("SELECT max(number) FROM serials")).scalar_one()
    found = f"SN-{number:05}" if route.resource == "serials" else found
    return route.rule.replace("<id>", found).replace("<key>", "PI-1")


def body_of(route: Route) -> Any:
    """A documented body, else an empty object; None for a route without one."""
    model = route.input("body")
    return dict(next(iter(model.examples.values()), {})) if model else None


def check(answer: TestResponse, *what: Any) -> None:
    """The answer is no 5xx, and a refusal has the error shape."""
    assert answer.status_code < 500, (what, answer.text)
    if answer.status_code >= 400:
        refusal = answer.get_json()
        assert refusal["statusCode"] == answer.status_code, what
        assert refusal["code"], what
        assert refusal["message"], what


@pytest.mark.parametrize("route", such(parameters))
def test_no_query_parameter_causes_a_fault(
    api: ApiClient, engine: Engine, headers: dict[str, str], route: Route
) -> None:
    address = address_of(route, engine)

    def send(query: str) -> TestResponse:
        return api.client.open(address, method=route.method, headers=headers, query_string=query)

    for name in [*parameters(route), "unknown", "%00", "%ff"]:
        for what, value in hostile.QUERY_VALUES.items():
            answer = send(f"{name}={value}")
            check(answer, name, what)
            if answer.status_code == 400:
                assert answer.get_json()["errors"], (name, what)
        if route is not WEBHOOK:
            answer = send(hostile.repeated(name))
            assert answer.status_code == 400
            assert answer.get_json()["message"].endswith("must be given once")


@pytest.mark.parametrize("route", such(lambda one: one.input("path")))
def test_no_variable_of_an_address_causes_a_fault(
    api: ApiClient, headers: dict[str, str], route: Route
) -> None:
    for what, value in hostile.QUERY_VALUES.items():
        address = route.rule.replace("<id>", value).replace("<key>", value)
        answer = api.client.open(address, method=route.method, headers=headers, json=body_of(route))
        check(answer, what)
        assert answer.status_code in (400, 404, 405), what


@pytest.mark.parametrize("route", such(sent_headers))
def test_no_header_causes_a_fault(
    api: ApiClient, engine: Engine, headers: dict[str, str], route: Route
) -> None:
    address = address_of(route, engine)
    for name in sent_headers(route):
        for what, value in hostile.HEADER_VALUES.items():
            answer = api.client.open(
                address, method=route.method, headers={**headers, name: value}, json=body_of(route)
            )
            check(answer, name, what)


def bodies(model: type[BaseModel], valid: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Bodies in which one member is hostile, at every depth of the model."""
    for name, field in model.model_fields.items():
        for what, value in hostile.JSON_VALUES.items():
            yield f"{name}: {what}", {**valid, (field.alias or name): value}
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for what, body in bodies(inner, {}):
                yield f"{name}.{what}", {**valid, (field.alias or name): body}


@pytest.mark.parametrize("route", such(lambda one: one.input("body")))
def test_no_body_causes_a_fault(
    api: ApiClient, engine: Engine, headers: dict[str, str], route: Route
) -> None:
    address = address_of(route, engine)
    for what, body in bodies(route.input("body"), body_of(route)):
        answer = api.raw(route.method, address, json.dumps(body).encode(), headers=headers)
        check(answer, what)


def test_the_values_reach_every_kind_of_input() -> None:
    assert len(such(parameters)) >= 7
    assert len(such(sent_headers)) >= 7
    assert len(such(lambda one: one.input("body"))) >= 12
