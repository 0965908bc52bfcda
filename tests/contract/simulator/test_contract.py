"""Every answer of the simulator agrees with Atlassian's document, and with our extract of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.jira.openapi import (
    ABSENT,
    ATLASSIAN,
    OWN,
    ROOT,
    AtlassianContract,
    ContractError,
    atlassians_document,
    required,
)
from tests.support.jira.simulator import Client, cloud, data_center

ALL = {"fields": ["*all"]}
READS: list[tuple[str, str, Any]] = [
    ("GET", "serverInfo", None),
    ("GET", "myself", None),
    ("GET", "field", None),
    ("GET", "mypermissions?permissions=BROWSE_PROJECTS,ADMINISTER&projectKey=PI", None),
    ("GET", "mypermissions", None),
    ("GET", "project/PI", None),
    ("GET", "project/NOPE", None),
    ("GET", "issue/PI-42?expand=names,schema", None),
    ("GET", "issue/PI-99999", None),
    ("PUT", "issue/PI-5", {"fields": {"summary": "Other"}}),
    ("PUT", "issue/PI-5", {"fields": {"nonsense": 1}}),
    ("DELETE", "issue/PI-6", None),
]
CLOUD_READS: list[tuple[str, str, Any]] = [
    ("POST", "issue/bulkfetch", {"issueIdsOrKeys": [f"PI-{n}" for n in range(1, 61)]} | ALL),
    ("POST", "issue/bulkfetch", {"issueIdsOrKeys": ["PI-1"], "expand": ["names", "schema"]}),
    ("POST", "issue/bulkfetch", {"issueIdsOrKeys": []}),
    ("POST", "search/jql", {"jql": "project = PI", "maxResults": 5}),
    ("POST", "search/jql", {"jql": "project = PI", "expand": "names,schema"} | ALL),
    ("POST", "search/jql", {"jql": "order by key"}),
    ("GET", "search/jql?jql=project%20%3D%20TL&fields=summary&fields=parent", None),
    ("GET", "search/jql?jql=nonsense%20%3D%201", None),
    ("POST", "search/approximate-count", {"jql": "project = PI"}),
    ("GET", "search?jql=project%20%3D%20PI", None),
]
SERVER_READS: list[tuple[str, str, Any]] = [
    ("POST", "search", {"jql": "project = PI", "maxResults": 100} | ALL),
    ("GET", "search?jql=key%20in%20(PI-1,PI-9999)", None),
]
FIELD_SCHEMAS = {
    "status": "StatusDetails",
    "priority": "Priority",
    "issuetype": "IssueTypeDetails",
    "project": "ProjectDetails",
    "parent": "LinkedIssue",
    "assignee": "UserDetails",
    "reporter": "UserDetails",
    "customfield_10914": "UserDetails",
}


@pytest.fixture(scope="module")
def checked_cloud() -> Iterator[Client]:
    """A Cloud whose client checks each answer against both documents."""
    with cloud() as client:
        yield client


@pytest.fixture(scope="module")
def checked_server() -> Iterator[Client]:
    """A Data Center, checked in the same way."""
    with data_center() as client:
        yield client


@pytest.mark.parametrize("version", ["2", "3", "latest"])
@pytest.mark.parametrize(("method", "path", "body"), READS + CLOUD_READS)
def test_each_answer_of_cloud_is_one_atlassian_describes(
    checked_cloud: Client, method: str, path: str, body: Any, version: str
) -> None:
    answer = checked_cloud.request(method, f"/rest/api/{version}/{path}", json=body)

    assert answer.status_code < 500


@pytest.mark.parametrize("version", ["2", "latest"])
@pytest.mark.parametrize(("method", "path", "body"), READS + SERVER_READS)
def test_each_answer_of_data_center_has_the_shapes_cloud_grew_from(
    checked_server: Client, method: str, path: str, body: Any, version: str
) -> None:
    answer = checked_server.request(method, f"/rest/api/{version}/{path}", json=body)

    assert answer.status_code < 500


@pytest.mark.parametrize("fault", ["429", "500", "503", "expired", "captcha", "stale"])
def test_refusals_made_by_faults_have_the_shape_of_refusals(fault: str) -> None:
    with cloud() as client:
        client.fault({"fault": fault})

        answer = client.post("/rest/api/3/issue/bulkfetch", json={"issueIdsOrKeys": ["PI-1"]})

        assert "errorMessages" in answer.json() or answer.status_code == 200


def test_the_values_of_system_fields_have_atlassians_shapes(checked_cloud: Client) -> None:
    keys = [f"PI-{n}" for n in range(1, 61)]
    issues = checked_cloud.bulk(*keys, fields=list(FIELD_SCHEMAS))["issues"]

    checked = set()
    for issue in issues:
        for name, value in issue["fields"].items():
            if value is not None:
                AtlassianContract.load().validate_schema(FIELD_SCHEMAS[name], value)
                checked.add(name)
    assert checked == set(FIELD_SCHEMAS)


def test_the_simulator_is_held_against_atlassians_document() -> None:
    path = atlassians_document()
    if not path.is_file():
        absent = ABSENT.format(path=path)
        assert not required(), absent
        pytest.skip(absent)
    assert AtlassianContract.load().path == path
    assert path != OWN


def test_the_environment_may_name_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JIRA_OPENAPI", raising=False)
    assert atlassians_document() == ATLASSIAN
    monkeypatch.setenv("JIRA_OPENAPI", str(OWN))
    assert AtlassianContract.load().path == OWN
    monkeypatch.setenv("JIRA_OPENAPI", "not/there.json")
    assert atlassians_document() == ROOT / "not/there.json"
    with pytest.raises(FileNotFoundError):
        AtlassianContract.load()


@pytest.mark.parametrize(
    "load", [AtlassianContract.load, lambda: AtlassianContract.at(OWN)], ids=["used", "own"]
)
class TestTheJudge:
    """A judge that lets everything pass would prove nothing."""

    def test_it_refuses_a_member_jira_does_not_have(
        self, load: Callable[[], AtlassianContract]
    ) -> None:
        contract = load()

        with pytest.raises(ContractError, match="total"):
            contract.validate_response("POST", "/rest/api/2/search/jql", 200, {"total": 1})

    def test_it_refuses_a_wrong_type_and_says_where(
        self, load: Callable[[], AtlassianContract]
    ) -> None:
        contract = load()
        body = {"issues": [{"id": 10001}], "issueErrors": []}

        with pytest.raises(ContractError, match=r"\$\.issues\[0\]\.id"):
            contract.validate_response("POST", "/rest/api/latest/issue/bulkfetch", 200, body)

    def test_it_refuses_a_status_the_operation_never_has(
        self, load: Callable[[], AtlassianContract]
    ) -> None:
        contract = load()

        with pytest.raises(ContractError, match="never answers 418"):
            contract.validate_response("GET", "/rest/api/3/myself", 418, {})

    def test_it_refuses_an_operation_jira_does_not_have(
        self, load: Callable[[], AtlassianContract]
    ) -> None:
        contract = load()

        with pytest.raises(ContractError, match="Jira has no POST"):
            contract.validate_request("POST", "/rest/api/3/issue/multifetch", body={})

    def test_it_refuses_requests_that_break_the_schema(
        self, load: Callable[[], AtlassianContract]
    ) -> None:
        contract = load()
        nulls = {"jql": "project = PI", "expand": None}

        with pytest.raises(ContractError, match="issueIdsOrKeys"):
            contract.validate_request("POST", "/rest/api/2/issue/bulkfetch", body={"fields": []})
        with pytest.raises(ContractError, match=r"\$\.expand"):
            contract.validate_request("POST", "/rest/api/2/search/jql", body=nulls)
        with pytest.raises(ContractError, match="startAt"):
            contract.validate_request("GET", "/rest/api/3/search/jql", query="jql=a&startAt=5")

    def test_it_takes_the_requests_of_a_careful_client(
        self, load: Callable[[], AtlassianContract]
    ) -> None:
        contract = load()
        body = {"issueIdsOrKeys": ["PI-1"], "fields": ["summary"]}

        contract.validate_request("POST", "/rest/api/2/issue/bulkfetch", body=body)
        contract.validate_request("POST", "/ex/jira/abc/rest/api/2/issue/bulkfetch", body=body)
        contract.validate_request("GET", "/rest/api/2/issue/PI-1", query="fields=summary")
