"""Every request the client makes is one that Atlassian's document allows."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from requests import PreparedRequest, Response

from shared.clock import SystemClock
from tests.support.jira.clients import PRODUCTS, ConnectedJira
from tests.support.jira.openapi import OWN, AtlassianContract
from worker.jira.client import Jira, make_jira
from worker.jira.errors import CallRefused
from worker.jira.port import BATCH, ChangeQuery
from worker.simulator import defaults


def read_all_kinds(jira: Jira) -> None:
    keys = ["PI-42", "pi-43", "10044", "PI-99999", "NOPE-1"]
    keys += [f"PI-{number}" for number in range(100, 220)]
    jira.read(keys, deadline=time.monotonic() + 60)


def poll(jira: Jira) -> None:
    now = SystemClock().now()
    list(jira.changed_since(ChangeQuery(projects=(defaults.PROJECT,), page_size=20)))
    list(jira.changed_since(ChangeQuery().after(now)))


def look_up(jira: Jira) -> None:
    jira.verify()
    jira.fields()
    jira.server_info()
    jira.may_browse(defaults.PROJECT)
    with pytest.raises(CallRefused):
        list(jira.changed_since(ChangeQuery(projects=('NO"PE', "back\\slash"))))


@pytest.mark.parametrize("use", [read_all_kinds, poll, look_up])
def test_every_request_is_valid_against_the_document(
    jira: ConnectedJira, use: Callable[[Jira], None]
) -> None:
    made: list[PreparedRequest] = []

    def observe(request: PreparedRequest, _answer: Response) -> None:
        made.append(request)

    client = make_jira(jira.settings, clock=SystemClock(), observe=observe)
    with closing(client):
        use(client)
    assert made
    for request in made:
        _check(request)
        _check_size(request)


def test_the_requests_were_of_every_kind_there_is(jira: ConnectedJira) -> None:
    paths: set[tuple[str, str]] = set()

    def observe(request: PreparedRequest, _answer: Response) -> None:
        paths.add((str(request.method), urlsplit(request.url or "").path))

    client = make_jira(jira.settings, clock=SystemClock(), observe=observe)
    with closing(client):
        for use in (read_all_kinds, poll, look_up):
            use(client)
    reading = {("POST", "/rest/api/2/search")}
    if jira.cloud:
        reading = {("POST", "/rest/api/2/search/jql"), ("POST", "/rest/api/2/issue/bulkfetch")}
    looking = {"serverInfo", "myself", "field", "mypermissions", "issue/PI-99999", "issue/NOPE-1"}
    assert paths == reading | {("GET", f"/rest/api/2/{path}") for path in looking}


def test_the_credentials_go_in_the_header_the_product_wants(jira: ConnectedJira) -> None:
    schemes: set[str] = set()

    def observe(request: PreparedRequest, _answer: Response) -> None:
        schemes.add(str(request.headers["Authorization"]).partition(" ")[0])

    with closing(make_jira(jira.settings, clock=SystemClock(), observe=observe)) as client:
        client.verify()
    assert schemes == {"Basic" if jira.cloud else "Bearer"}
    assert PRODUCTS[jira.product] is client_deployment(jira)


def client_deployment(jira: ConnectedJira) -> object:
    return jira.jira.server_info().deployment


def _check(request: PreparedRequest) -> None:
    """Both documents, so that the project's own stays as strict as it says."""
    address = urlsplit(request.url or "")
    body = json.loads(request.body) if request.body else None
    if body and isinstance(body.get("validateQuery"), bool):
        # Data Center's own documents have a truth value where this one of Cloud has a text.
        body["validateQuery"] = str(body["validateQuery"]).lower()
    for contract in (AtlassianContract.load(), AtlassianContract.at(OWN)):
        contract.validate_request(str(request.method), address.path, query=address.query, body=body)


def _check_size(request: PreparedRequest) -> None:
    """What the document says only in text: 100 issues a bulk read, a limit for every search."""
    body = json.loads(request.body) if request.body else {}
    assert len(body.get("issueIdsOrKeys", [])) <= BATCH
    assert "*all" not in body.get("fields", [])
    jql = body.get("jql", "updated")
    assert "updated" in jql or jql.startswith("key in (")
    assert len(request.url or "") < 6000
