"""The OpenAPI document agrees with the routes, and with what they answer."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft202012Validator

from api.auth.scopes import Unscoped, access_of
from api.rest import openapi
from api.rest.openapi import BEARER
from api.routes import RESOURCES
from api.schemas.fields import CLOUD_KEY_PATTERN
from shared.states import Scope
from tests.dsl import ApiClient

AUTOMATIC = {"HEAD", "OPTIONS"}
OUTSIDE_API = {"/healthz", "/readyz", "/metrics"}
"""Documented addresses that are not under /api; the other ones are pages."""


@pytest.fixture
def document(api: ApiClient) -> dict[str, Any]:
    """The document as a client gets it."""
    found: dict[str, Any] = api.get("/openapi.json").get_json()
    assert found["paths"]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every documented operation: method, path and description."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def routes(api: ApiClient) -> Iterator[tuple[str, str, str]]:
    """Every route of the REST API: method, path, endpoint."""
    for rule in api.app.url_map.iter_rules():
        if rule.rule.startswith("/api") or rule.rule in OUTSIDE_API:
            path = re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
            for method in (rule.methods or set()) - AUTOMATIC:
                yield method, path, rule.endpoint


def references(content: Any) -> Iterator[str]:
    """All addresses a part of the document refers to."""
    if isinstance(content, dict):
        if isinstance(content.get("$ref"), str):
            yield content["$ref"]
        for value in content.values():
            yield from references(value)
    elif isinstance(content, list):
        for value in content:
            yield from references(value)


def test_every_route_is_documented_and_every_documented_call_is_a_route(
    api: ApiClient, document: dict[str, Any]
) -> None:
    documented = {(method, path) for method, path, _ in operations(document)}
    served = {(method, path) for method, path, _ in routes(api)}
    assert documented == served


def test_each_call_says_the_scope_it_asks_for(api: ApiClient, document: dict[str, Any]) -> None:
    said = {(method, path): operation for method, path, operation in operations(document)}
    kinds = set()
    for method, path, endpoint in routes(api):
        access, operation = access_of(api.app, endpoint), said[method, path]
        kinds.add(type(access))
        if isinstance(access, Scope):
            assert operation["security"] == [{BEARER: [str(access)]}]
            assert {"401", "403", "429", "503"} <= set(operation["responses"])
        else:
            assert isinstance(access, Unscoped)
            assert "security" not in operation
    assert kinds == {Scope, Unscoped}


def test_each_call_has_a_summary_a_tag_and_a_name_of_its_own(document: dict[str, Any]) -> None:
    found = [operation for _, _, operation in operations(document)]
    assert all(operation["summary"].endswith(".") for operation in found)
    assert all(len(operation["tags"]) == 1 for operation in found)
    names = [operation["operationId"] for operation in found]
    assert len(names) == len(set(names))


def test_every_refusal_has_the_one_error_shape(document: dict[str, Any]) -> None:
    refusals = {
        (method, path, status): answer["content"]["application/json"]["schema"]
        for method, path, operation in operations(document)
        for status, answer in operation["responses"].items()
        if int(status) >= 400
    }
    assert {path for _, path, _ in refusals} >= {
        path for path in document["paths"] if "/api/" in path
    }
    for where, schema in refusals.items():
        assert schema == {"$ref": "#/components/schemas/Error"}, where


def test_all_schemas_are_sound_and_all_references_lead_somewhere(
    document: dict[str, Any],
) -> None:
    schemas = document["components"]["schemas"]
    assert schemas
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    known = {f"#/components/schemas/{name}" for name in schemas}
    assert set(references(document)) <= known
    assert document["openapi"] == "3.1.0"


def shown(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every example beside its schema: of bodies, answers and refusals."""
    for _, _, operation in operations(document):
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for part in parts:
            media = part.get("content", {}).get("application/json", {})
            if "example" in media:
                yield media["schema"], media["example"]
            for example in media.get("examples", {}).values():
                yield media["schema"], example["value"]


def test_the_examples_are_what_the_document_allows(document: dict[str, Any]) -> None:
    components = {"components": document["components"]}
    examples = list(shown(document))
    for schema, example in examples:
        Draft202012Validator({**schema, **components}).validate(example)
    assert len(examples) > 20


def test_the_source_documents_examples_are_shown(document: dict[str, Any]) -> None:
    create = document["paths"]["/api/jobs"]["post"]
    sent = create["requestBody"]["content"]["application/json"]["examples"]
    got = create["responses"]["201"]["content"]["application/json"]["examples"]
    assert [sent[name]["value"]["name"] for name in ("full", "minimal")] == [
        "JOB-2024-001",
        "JOB-2024-002",
    ]
    assert [got[name]["value"]["id"] for name in ("full", "minimal")] == [
        "job_abc123",
        "job_def456",
    ]


def test_the_docs_page_works_without_a_network(api: ApiClient) -> None:
    page = api.get("/docs", follow_redirects=True)
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sources
    for source in sources:
        assert not source.startswith(("http:", "https:", "//"))
        address = urljoin(page.request.path, source)
        assert api.get(address, buffered=True).status_code == 200
    assert "/openapi.json" in page.text


def test_no_two_resources_mean_different_things_by_one_name() -> None:
    # Pydantic gives models that share a name, or differ by direction, longer names.
    names = openapi.document(RESOURCES, key_pattern=CLOUD_KEY_PATTERN)["components"]["schemas"]
    assert names
    assert all(re.fullmatch("[A-Za-z]+", name) for name in names)
    assert not [name for name in names if name.endswith(("-Input", "-Output"))]
