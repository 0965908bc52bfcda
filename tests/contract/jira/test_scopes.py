"""Tokens with few scopes, at the gateway: what is reachable is read, and the rest is named."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from shared.states import WaitCode
from tests.support.jira.clients import ConnectedJira
from tests.support.jira.simulated import simulated_jira
from worker.jira.errors import (
    CallRefused,
    JiraCredentialsRefused,
    JiraScopeMissing,
    MappingError,
)
from worker.jira.port import ChangeQuery
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product
from worker.simulator.scopes import granular_of

WORDS = "Unauthorized; scope does not match"
MISTYPED = "PI-99999"


@contextmanager
def scoped(*scopes: str, **values: object) -> Iterator[ConnectedJira]:
    """A client at the gateway, whose token has these scopes."""
    with simulated_jira(tickets=260, scopes=frozenset(scopes)) as site:
        login = {
            "jira_base_url": f"{site.url}/ex/jira/{defaults.CLOUD_ID}",
            "jira_api_token": defaults.SCOPED_TOKEN,
            "jira_project": "PI",
        }
        made = ConnectedJira(Product.CLOUD, site, **(login | values))
        with closing(made.jira):
            yield made


def test_without_read_jira_user_a_mistyped_key_fails_alone() -> None:
    with scoped("read:jira-work") as jira:
        result = jira.read("PI-42", MISTYPED)
        assert set(result.found) == {"PI-42"}
        assert set(result.refused) == {MISTYPED}
        assert result.interrupted is None
        assert set(jira.read(MISTYPED).refused) == {MISTYPED}
        many = [f"PI-9{number:04}" for number in range(20)]
        assert set(jira.read(*many).refused) == set(many)
        assert jira.site.counts()["GET myself"] == 1
        assert next(iter(jira.jira.changed_since(ChangeQuery(projects=("PI",))))).tickets
        assert WORDS in jira.jira.refusals()["GET myself"].message


@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
def test_any_read_that_shows_something_proves_the_credentials(
    page: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    with scoped("read:jira-work") as jira:
        jira.site.fault("404", match="GET /rest/*/mypermissions", page=page)
        assert set(jira.read(MISTYPED).refused) == {MISTYPED}
        jira.read("PI-42")
        jira.site.fault("404", match="* /rest/*/search*", page=page)
        assert set(jira.read(MISTYPED).refused) == {MISTYPED}


def test_an_empty_jira_proves_nothing_and_condemns_no_ticket() -> None:
    with scoped("read:jira-work") as jira:
        jira.read("PI-42")
        jira.site.fault("expired")
        for keys in ([MISTYPED], ["PI-42", MISTYPED]):
            with pytest.raises(JiraCredentialsRefused):
                jira.read(*keys)


def test_a_token_that_is_wrong_is_not_taken_for_one_without_a_scope() -> None:
    with scoped("read:jira-work", jira_api_token="revoked") as jira:
        for call in (jira.jira.verify, lambda: jira.read("PI-42")):
            with pytest.raises(JiraCredentialsRefused, match="Unauthorized") as failed:
                call()
            assert "revoked" not in failed.value.message.replace("expired, revoked", "")


def test_a_token_that_may_read_nothing_says_which_scope_is_missing() -> None:
    with scoped("read:jira-user") as jira:
        assert jira.jira.verify().display_name == "Routecard Service"
        before = jira.calls()
        with pytest.raises(JiraScopeMissing, match=WORDS) as failed:
            jira.read("PI-42", MISTYPED)
        assert failed.value.wait_code is WaitCode.CREDENTIALS_REFUSED
        assert jira.calls() - before < 10
        with pytest.raises(CallRefused, match=WORDS):
            next(iter(jira.jira.changed_since(ChangeQuery(projects=("PI",)))))


def test_without_any_scope_the_credentials_are_not_called_wrong() -> None:
    with scoped() as jira, pytest.raises(JiraScopeMissing, match="GET myself"):
        jira.jira.verify()


@pytest.mark.parametrize("call", ["POST issue/bulkfetch", "POST search/jql", "GET search/jql"])
def test_granular_scopes_for_one_kind_of_read_are_enough_for_fills(call: str) -> None:
    with scoped(*granular_of(call)) as jira:
        keys = [f"PI-{number}" for number in range(100, 200)]
        assert set(jira.read(*keys).found) == set(keys)
        before = jira.calls()
        assert set(jira.read(*keys).found) == set(keys)
        assert jira.calls() - before == 1


def test_granular_scopes_for_searches_tell_a_missing_ticket() -> None:
    with scoped(*granular_of("POST search/jql")) as jira:
        result = jira.read("PI-42", MISTYPED)
        assert set(result.found) == {"PI-42"}
        assert set(result.refused) == {MISTYPED}
        assert jira.jira.may_browse("PI")
        with pytest.raises(CallRefused):
            jira.jira.may_browse("NOPE")


def test_granular_scopes_for_reads_only_refuse_the_poll_by_name() -> None:
    with scoped(*granular_of("POST issue/bulkfetch")) as jira:
        with pytest.raises(CallRefused, match=WORDS):
            next(iter(jira.jira.changed_since(ChangeQuery(projects=("PI",)))))
        result = jira.read("PI-42", MISTYPED)
        assert set(result.found) == {"PI-42"}
        assert set(result.refused) == {MISTYPED}


def test_names_of_fields_need_a_scope_that_ids_do_not() -> None:
    scopes = granular_of("POST issue/bulkfetch")
    with scoped(*scopes) as jira:
        assert jira.read("PI-42").found["PI-42"].part_number
    with (
        scoped(*scopes, jira_field_part_number="Part Number / Rev") as jira,
        pytest.raises(MappingError, match=f"{WORDS}.*Set their ids"),
    ):
        jira.read("PI-42")
