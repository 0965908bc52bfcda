"""The doctor before a Jira that refuses something: one finding, its cause and its remedy."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from shared.settings import Settings
from tests.dsl import configured
from tests.support.doctor import found
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from worker.doctor.findings import Finding, Status
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product
from worker.simulator.scopes import granular_of

WORDS = "Unauthorized; scope does not match"
PROXY = {"page": True}


def new(settings: Settings, usual: dict[str, Finding]) -> list[Finding]:
    """The findings that are not ok and were ok before the fault."""
    findings = found(settings)
    return [
        one
        for one in findings.values()
        if one.status is not Status.OK
        and (one.name not in usual or usual[one.name].status is Status.OK)
    ]


@pytest.fixture
def well(well: Settings) -> Settings:
    """The product is left to be found out."""
    return configured(well, jira_deployment="auto")


@pytest.fixture
def usual(well: Settings) -> dict[str, Finding]:
    """The findings without a fault."""
    findings = found(well)
    assert findings["bulk_reads"].status is Status.OK
    return findings


@pytest.mark.parametrize(
    ("faults", "name", "cause", "remedy"),
    [
        (
            [{"match": "POST /rest/*/issue/bulkfetch", "fault": "404", **PROXY}],
            "bulk_reads",
            "POST issue/bulkfetch refused .*404.*100 tickets cost one call, by POST search/jql",
            "pass POST issue/bulkfetch",
        ),
        (
            [
                {"match": "POST /rest/*/issue/bulkfetch", "fault": "405"},
                {"match": "* /rest/*/search*", "fault": "405"},
            ],
            "bulk_reads",
            "100 tickets cost 100 calls, by single reads.*by webhooks only",
            "pass POST issue/bulkfetch",
        ),
        (
            [{"match": "GET /rest/*/serverInfo", "fault": "403"}],
            "deployment",
            "serverInfo is refused: .*403.*used as Jira Cloud",
            "Set JIRA_DEPLOYMENT=cloud",
        ),
        (
            [{"match": "GET /rest/*/serverInfo", "fault": "404", **PROXY}],
            "deployment",
            "serverInfo is refused: .*404.*used as Jira Cloud",
            "Set JIRA_DEPLOYMENT=cloud",
        ),
        (
            [{"match": "GET /rest/*/myself", "fault": "404", **PROXY}],
            "credentials",
            "accepts our credentials, as a read shows.*404",
            "pass GET /rest/api/2/myself",
        ),
    ],
)
def test_a_refused_endpoint_is_one_finding(
    well: Settings,
    usual: dict[str, Finding],
    jira: SimulatedJira,
    faults: list[dict[str, Any]],
    name: str,
    cause: str,
    remedy: str,
) -> None:
    jira.control("POST", "faults", faults)
    (finding,) = new(well, usual)
    assert finding.name == name
    assert re.search(cause, finding.message), finding.message
    assert remedy in finding.remedy


@pytest.mark.parametrize("post", [True, False], ids=["post", "get"])
def test_a_proxy_with_an_address_limit_is_one_finding(well: Settings, *, post: bool) -> None:
    with simulated_jira(deployment=Product.SERVER, tickets=200) as site:
        server = configured(
            well,
            jira_base_url=site.url,
            jira_email="",
            jira_api_token=None,
            jira_pat=defaults.PAT,
            jira_field_epic_link=defaults.FIELD_EPIC_LINK,
        )
        usual = found(server)
        site.fault("414", match="GET /rest/*", longerThan=1000, page=True)
        if post:
            assert new(server, usual) == []
        else:
            site.fault("405", match="POST /rest/*/search", page=True)
            (finding,) = new(server, usual)
            assert finding.name == "bulk_reads"
            assert "POST search refused" in finding.message
            assert "long queries refused on the way" in finding.message
            assert "by GET search" in finding.message


class TestScopes:
    """At the gateway, with a token of few scopes."""

    @pytest.fixture
    def usual(self, well: Settings) -> Iterator[dict[str, Finding]]:
        with simulated_jira(tickets=200) as site:
            yield found(at_gateway(well, site))

    def findings(
        self, well: Settings, usual: dict[str, Finding], *scopes: str
    ) -> dict[str, Finding]:
        with simulated_jira(tickets=200, scopes=frozenset(scopes)) as site:
            return {one.name: one for one in new(at_gateway(well, site), usual)}

    def test_without_read_jira_user(self, well: Settings, usual: dict[str, Finding]) -> None:
        (finding,) = self.findings(well, usual, "read:jira-work").values()
        assert (finding.name, finding.status) == ("credentials", Status.WARN)
        assert f"lacks a scope for GET myself; Jira says: {WORDS}" in finding.message
        assert "read:jira-user" in finding.remedy

    def test_without_read_jira_work(self, well: Settings, usual: dict[str, Finding]) -> None:
        findings = self.findings(well, usual, "read:jira-user")
        assert set(findings) == {"fill"}
        assert WORDS in findings["fill"].message
        assert "read:jira-work" in findings["fill"].remedy

    def test_without_any_scope(self, well: Settings, usual: dict[str, Finding]) -> None:
        finding, later = self.findings(well, usual).values()
        assert later.message.startswith("not checked")
        assert (finding.name, finding.status) == ("credentials", Status.FAIL)
        assert WORDS in finding.message
        assert "read:jira-work" in finding.remedy

    def test_with_granular_scopes_for_reads_only(
        self, well: Settings, usual: dict[str, Finding]
    ) -> None:
        scopes = granular_of("POST issue/bulkfetch") | granular_of("GET myself")
        (finding,) = self.findings(well, usual, *scopes).values()
        assert finding.name == "search"
        assert "Jobs are filled, but changes in Jira come by webhooks only" in finding.message
        assert WORDS in finding.message


def at_gateway(well: Settings, site: SimulatedJira) -> Settings:
    return configured(
        well,
        jira_base_url=f"{site.url}/ex/jira/{defaults.CLOUD_ID}",
        jira_api_token=defaults.SCOPED_TOKEN,
    )
