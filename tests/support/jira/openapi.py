"""Checks requests to Jira, and the simulator's answers, against Atlassian's OpenAPI document."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT: Final = Path(__file__).resolve().parents[3]
ATLASSIAN: Final = ROOT.parent / "shared" / "jira" / "swagger-v3.v3.json"
OWN: Final = ROOT / "tests" / "contract" / "schemas" / "jira.yaml"
_BASE: Final = "urn:jira"
_VERSION: Final = re.compile(r"^(?:/ex/jira/[^/]+)?/rest/api/(?:2|3|latest)/")
# Answers of gateways and limits, which the document does not list for each operation.
_EVERYWHERE: Final = frozenset({403, 410, 415, 429, 500, 502, 503, 504})


ABSENT: Final = """\
Atlassian's OpenAPI document of Jira Cloud is not at {path}. Download it from
https://developer.atlassian.com/cloud/jira/platform/swagger-v3.v3.json and name the file in the
environment variable JIRA_OPENAPI, or put it there. Without it, the simulator is held only against
tests/contract/schemas/jira.yaml, the project's own description of the part of Jira that it uses."""


def atlassians_document() -> Path:
    """Where Atlassian's document is, or should be; ``JIRA_OPENAPI`` overrides the usual place."""
    named = os.environ.get("JIRA_OPENAPI")  # noqa: TID251  a setting of the tests alone
    return ROOT / named if named else ATLASSIAN


def required() -> bool:
    """Whether a run without Atlassian's document fails: in continuous integration, or if named.

    Elsewhere, one test is skipped and says how to get it: a fresh clone needs no other file.
    """
    return any(os.environ.get(name) for name in ("CI", "JIRA_OPENAPI"))  # noqa: TID251  see above


class ContractError(AssertionError):
    """A difference from the document; the message lists each place and the reason."""


class AtlassianContract:
    """One document: Atlassian's of all of Jira, or the project's own of the part that it uses."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        document = _nullable_as_types(raw)
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self.path = path
        self._paths: dict[str, Any] = document["paths"]
        self._registry: Registry[Any] = Registry().with_resource(_BASE, resource)
        self._validators: dict[str, Draft202012Validator] = {}

    @classmethod
    def load(cls) -> "AtlassianContract":
        """The document that ``JIRA_OPENAPI`` names, else Atlassian's, else the project's own.

        Without Atlassian's, one test says how to get it (``required``); the others go on.
        """
        path = atlassians_document()
        return cls.at(path if path.exists() or path != ATLASSIAN else OWN)

    @classmethod
    def at(cls, path: Path) -> "AtlassianContract":
        """The document at a path, read once a process."""
        return _read(path)

    def validate_response(self, method: str, path: str, status: int, body: object) -> None:
        """Hold an answer against its operation; ``body`` is parsed JSON, ``None`` for no body.

        Paths of v2, ``latest`` and the gateway are checked against the same paths of v3. Raises
        ``ContractError``, also for an operation or a status that the document does not know.
        """
        template, operation = self._operation(method, path)
        response = operation["responses"].get(str(status))
        if response is None and status not in _EVERYWHERE:
            raise ContractError(f"{method} {template} never answers {status}")
        pointer = f"{_pointer('paths', template, method.lower())}/responses/{status}"
        if response is not None and "schema" in _json_content(response):
            self._check(f"{pointer}/content/application~1json/schema", body, f"{method} {path}")
        elif isinstance(body, dict) and "errorMessages" in body:
            self.validate_schema("ErrorCollection", body)

    def validate_request(
        self, method: str, path: str, *, query: str = "", body: object = None
    ) -> None:
        """Hold a request against its operation: names in the query string, and the body."""
        template, operation = self._operation(method, path)
        known = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        if unknown := sorted(set(parse_qs(query, keep_blank_values=True)) - known):
            raise ContractError(f"{method} {template} has no query parameters {unknown}")
        if "requestBody" not in operation:
            if body is not None:
                raise ContractError(f"{method} {template} takes no body")
            return
        pointer = f"{_pointer('paths', template, method.lower())}/requestBody"
        self._check(f"{pointer}/content/application~1json/schema", body, f"{method} {path}")

    def validate_schema(self, name: str, value: object) -> None:
        """Hold a value against a named schema of the document."""
        self._check(_pointer("components", "schemas", name), value, name)

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        bare = _VERSION.sub("/rest/api/3/", path.partition("?")[0])
        candidates = [t for t in self._paths if _fits(t, bare) and method.lower() in self._paths[t]]
        if not candidates:
            raise ContractError(f"Jira has no {method} {bare}")
        template = min(candidates, key=lambda one: one.count("{"))
        return template, self._paths[template][method.lower()]

    def _check(self, pointer: str, value: object, what: str) -> None:
        errors = list(_flat(self._validator(pointer).iter_errors(value)))
        if errors:
            raise ContractError(f"{what}: " + "; ".join(errors[:10]))

    def _validator(self, pointer: str) -> Draft202012Validator:
        if pointer not in self._validators:
            schema = {"$ref": f"{_BASE}#{pointer}"}
            self._validators[pointer] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[pointer]


@cache
def _read(path: Path) -> AtlassianContract:
    return AtlassianContract(path)


def _pointer(*parts: str) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _fits(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    pairs = zip(wanted, given, strict=False)
    return len(wanted) == len(given) and all(w.startswith("{") or w == g for w, g in pairs)


def _json_content(response: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = response.get("content", {}).get("application/json", {})
    return found


def _flat(errors: Any) -> Iterator[str]:
    for error in errors:
        yield f"at {error.json_path}: {error.message[:200]}"


def _nullable_as_types(node: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` in the words of JSON Schema 2020-12."""
    if isinstance(node, list):
        return [_nullable_as_types(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _nullable_as_types(value) for key, value in node.items()}
    if made.get("nullable") is not True:
        return made
    del made["nullable"]
    return {"anyOf": [made, {"type": "null"}]}
