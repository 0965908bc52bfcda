"""Gateways, proxies and old servers refuse endpoints, methods and long addresses: reads go on."""

from contextlib import closing
from typing import Any

import pytest

from tests.support.clocks import ManualClock
from tests.support.jira.clients import PRODUCTS, ConnectedJira, connected_jira
from worker.jira.client import make_jira
from worker.jira.endpoints import REMEMBERED_SECONDS
from worker.jira.errors import CallRefused, JiraCredentialsRefused, JiraError, JiraUnavailable
from worker.jira.port import ChangeQuery
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product
from worker.simulator.site.site import Project

FAR = 1e12
HUNDRED = [f"PI-{number}" for number in range(100, 200)]
BULK_FETCH = "POST /rest/*/issue/bulkfetch"
ANY_SEARCH = "* /rest/*/search*"
POST_SEARCH = "POST /rest/*/search*"
GET_SEARCH = "GET /rest/*/search*"
SINGLE = "GET /rest/*/issue/*"


def cost(jira: ConnectedJira) -> int:
    """Calls for a hundred tickets, all of which have to be found."""
    before = jira.calls()
    result = jira.read(*HUNDRED)
    assert set(result.found) == set(HUNDRED)
    assert result.interrupted is None
    return jira.calls() - before


def refuse(jira: ConnectedJira, *matches: str, status: str, **more: Any) -> None:
    for match in matches:
        jira.site.fault(status, match=match, **more)


@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
@pytest.mark.parametrize("status", ["404", "405", "410", "501", "403"])
def test_a_bulk_read_that_is_not_known_is_replaced_by_one_search(status: str, page: bool) -> None:  # noqa: FBT001  a parameter of the test
    with connected_jira(Product.CLOUD, tickets=260) as cloud:
        refuse(cloud, BULK_FETCH, status=status, page=page)
        cost(cloud)
        assert cost(cloud) == 1
        result = cloud.read("PI-42", "PI-99999")
        assert set(result.found) == {"PI-42"}
        assert set(result.refused) == {"PI-99999"}
        assert set(cloud.jira.refusals()) == {"POST issue/bulkfetch"}


@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
@pytest.mark.parametrize("status", ["404", "405", "403", "415", "501"])
def test_searches_go_by_get_where_post_is_refused(
    jira: ConnectedJira,
    status: str,
    page: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    refuse(jira, BULK_FETCH, POST_SEARCH, status=status, page=page)
    cost(jira)
    assert cost(jira) == 1
    query = ChangeQuery(projects=(defaults.PROJECT,), page_size=50)
    polled = {one.key for page in jira.jira.changed_since(query) for one in page.tickets}
    assert set(HUNDRED) <= polled


@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
@pytest.mark.parametrize("status", ["404", "405", "501"])
def test_without_any_search_tickets_are_read_singly_and_polls_say_so(
    jira: ConnectedJira,
    status: str,
    page: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    refuse(jira, BULK_FETCH, ANY_SEARCH, status=status, page=page)
    assert set(jira.read("PI-42", "PI-43").found) == {"PI-42", "PI-43"}
    assert cost(jira) <= len(HUNDRED) + 1
    with pytest.raises(CallRefused, match="no search is answered here"):
        next(iter(jira.jira.changed_since(ChangeQuery())))
    result = jira.read("PI-42", "PI-99999")
    assert set(result.refused) == {"PI-99999"}


@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
def test_single_reads_that_are_refused_are_replaced_by_a_search_for_the_key(
    jira: ConnectedJira,
    page: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    refuse(jira, SINGLE, status="405", page=page)
    store = jira.site.simulator.store
    moved = store.move(store.get("PI-60").id, project=defaults.SECOND_PROJECT)
    result = jira.read("PI-42", "PI-60", "PI-99999")
    assert {key: one.key for key, one in result.found.items()} == {
        "PI-42": "PI-42",
        "PI-60": moved.key,
    }
    assert set(result.refused) == {"PI-99999"}


@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
def test_a_jira_that_refuses_all_is_away_and_no_ticket_is_missing(
    jira: ConnectedJira,
    page: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    jira.site.fault("404", page=page)
    for read in (
        lambda: jira.read("PI-42"),
        lambda: jira.read(*HUNDRED),
        lambda: next(iter(jira.jira.changed_since(ChangeQuery()))),
    ):
        before = jira.calls()
        with pytest.raises(JiraUnavailable):
            read()
        assert jira.calls() - before < 20
    jira.site.heal()
    assert "PI-42" in jira.read("PI-42").found
    assert "POST issue/bulkfetch" not in jira.jira.refusals()


def test_all_reads_forbidden_is_about_the_account_and_not_about_tickets(
    jira: ConnectedJira,
) -> None:
    refuse(jira, "* /rest/*/issue/*", ANY_SEARCH, status="403")
    with pytest.raises(JiraCredentialsRefused, match="may not read issues here"):
        jira.read("PI-42")


def test_a_refusal_is_forgotten_after_some_minutes() -> None:
    clock = ManualClock()
    with (
        connected_jira(Product.CLOUD, tickets=80) as cloud,
        closing(make_jira(cloud.settings, clock=clock)) as client,
    ):
        refuse(cloud, BULK_FETCH, status="404")
        client.read(["PI-42"], deadline=FAR)
        cloud.site.heal()
        client.read(["PI-42"], deadline=FAR)
        assert cloud.site.bulk_reads() == 1
        clock.advance(REMEMBERED_SECONDS + 1)
        client.read(["PI-42"], deadline=FAR)
        assert cloud.site.bulk_reads() == 2


class TestAddressLimit:
    """A proxy refuses long addresses; POST is refused too, or is not."""

    @pytest.fixture
    def server(self) -> Any:
        """A Data Center with keys as long as real ones."""
        with connected_jira(Product.SERVER, tickets=260) as made:
            made.jira.deployment()
            yield made

    def test_by_post_the_address_stays_short(self, server: ConnectedJira) -> None:
        server.site.fault("414", match="GET /rest/*", longerThan=600, page=True)
        assert cost(server) == 1

    @pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
    @pytest.mark.parametrize("status", ["414", "404", "400", "413"])
    def test_by_get_the_list_is_halved_and_the_length_remembered(
        self,
        server: ConnectedJira,
        status: str,
        page: bool,  # noqa: FBT001  a parameter of the test
    ) -> None:
        refuse(server, POST_SEARCH, status="405")
        server.site.fault(status, match="GET /rest/*", longerThan=1100, page=page)
        first = cost(server)
        assert first < 15
        assert cost(server) < first
        assert not server.site.counts().get("GET issue/{key}")
        query = ChangeQuery(projects=(defaults.PROJECT,), page_size=50)
        assert next(iter(server.jira.changed_since(query))).tickets

    def test_not_even_one_key_fits(self, server: ConnectedJira) -> None:
        refuse(server, POST_SEARCH, status="405")
        server.site.fault("414", match=GET_SEARCH, longerThan=10)
        first = cost(server)
        assert first < len(HUNDRED) + 20
        assert cost(server) <= len(HUNDRED) + 1

    def test_a_body_that_is_too_large_is_halved(self, server: ConnectedJira) -> None:
        server.site.fault("413", match=POST_SEARCH, longerThan=500, page=True)
        cost(server)
        assert not server.site.counts().get("GET search")

    def test_a_poll_of_many_projects_is_done_in_parts(self, server: ConnectedJira) -> None:
        names = [f"PROJECT{number}" for number in range(40)]
        add_projects(server, *names)
        refuse(server, POST_SEARCH, status="405")
        server.site.fault("414", match=GET_SEARCH, longerThan=700, page=True)
        query = ChangeQuery(projects=tuple(names))
        pages = list(server.jira.changed_since(query))
        assert {one.key for page in pages for one in page.tickets} == {f"{n}-1" for n in names}
        server.site.heal()
        server.site.fault("414", match=GET_SEARCH, longerThan=200, page=True)
        refuse(server, POST_SEARCH, status="405")
        with pytest.raises(CallRefused, match="characters"):
            next(iter(server.jira.changed_since(query)))


def add_projects(jira: ConnectedJira, *names: str) -> None:
    """Projects with one ticket each."""
    store = jira.site.simulator.store
    fields = store.get("PI-42").fields
    for number, name in enumerate(names):
        store.projects[name] = Project(20000 + number, name, f"Project {name}")
        store._numbers[name] = 0
        store.add(project=name, fields=dict(fields))


def test_a_server_that_validates_by_get_names_the_unknown_keys(jira: ConnectedJira) -> None:
    refuse(jira, BULK_FETCH, POST_SEARCH, status="405")
    before = jira.calls()
    result = jira.read(*HUNDRED, "PI-99998", "NOPE-1")
    assert set(result.found) == set(HUNDRED)
    assert set(result.refused) == {"PI-99998", "NOPE-1"}
    assert jira.calls() - before < 20


def test_reserved_words_are_keys_like_others(jira: ConnectedJira) -> None:
    words = ("IN", "AND", "ORDER", "NULL", "EMPTY", "SELECT", "NOT", "BY")
    add_projects(jira, *words)
    keys = [f"{word}-1" for word in words]
    refuse(jira, BULK_FETCH, status="405")
    result = jira.read(*keys, "PI-42")
    assert set(result.found) == {*keys, "PI-42"}
    assert not jira.site.counts().get("GET issue/{key}")
    polled = jira.jira.changed_since(ChangeQuery(projects=words))
    assert {one.key for page in polled for one in page.tickets} == set(keys)


@pytest.mark.parametrize("status", ["401", "403", "404", "405"])
@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
def test_a_refused_server_info_stops_no_read(
    jira: ConnectedJira,
    status: str,
    page: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    refuse(jira, "GET /rest/*/serverInfo", status=status, page=page)
    assert "PI-42" in jira.read("PI-42").found
    assert cost(jira) == 1
    assert jira.jira.deployment() is PRODUCTS[jira.product]
    assert next(iter(jira.jira.changed_since(ChangeQuery()))).tickets


def test_a_product_that_cannot_be_deduced_is_found_by_what_it_answers() -> None:
    with connected_jira(Product.SERVER, tickets=260) as server:
        refuse(server, "GET /rest/*/serverInfo", status="404")
        login = {"jira_email": defaults.EMAIL, "jira_api_token": defaults.API_TOKEN}
        with closing(server.client(jira_pat=None, **login)) as client:
            assert set(client.read(HUNDRED, deadline=FAR).found) == set(HUNDRED)
            before = server.calls()
            client.read(HUNDRED, deadline=FAR)
            assert server.calls() - before == 1


def test_no_message_repeats_what_the_authorization_header_holds(jira: ConnectedJira) -> None:
    secret = defaults.API_TOKEN if jira.cloud else defaults.PAT
    body = f'{{"code": 403, "message": "{secret} is refused by policy 7"}}'
    json_body = {"body": body, "headers": {"Content-Type": "application/json"}}
    jira.site.fault("403", **json_body)
    with pytest.raises(JiraError, match="is refused by policy 7") as failed:
        jira.jira.verify()
    assert secret not in failed.value.message
