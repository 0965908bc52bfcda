"""The Jira port: the same behaviour with Cloud and with Data Center, over a real socket."""

import json
from contextlib import closing
from datetime import UTC

import pytest

from shared.settings import Deployment
from shared.states import FailureCode
from tests.support.jira.clients import PRODUCTS, ConnectedJira, connected_jira
from worker.jira.errors import CallRefused, JiraUnavailable, MappingError
from worker.jira.port import ChangeQuery
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product

FAR = 1e12
"""A deadline that never comes."""


def test_the_example_ticket_comes_out_as_the_source_document_has_it(jira: ConnectedJira) -> None:
    ticket = jira.read("PI-42").found["PI-42"]
    assert ticket.summary == "Build 50 aluminum housings"
    assert ticket.part_number == "ALU-HOUSING-7075"
    assert ticket.priority == "High"
    assert ticket.epic_link == "PI-10"
    assert ticket.labels == ("Q1-2024", "rush")
    assert ticket.quantity == 50
    assert ticket.updated_at.tzinfo is UTC


def test_tickets_are_returned_under_the_names_of_the_request(jira: ConnectedJira) -> None:
    result = jira.read("PI-42", "pi-42", " Pi-43 ", "10044")
    assert set(result.found) == {"PI-42", "pi-42", " Pi-43 ", "10044"}
    assert result.found["pi-42"] == result.found["PI-42"]
    assert result.found["10044"].issue_id == "10044"
    assert not result.refused
    assert not result.unread


def test_a_hundred_tickets_cost_one_call(jira: ConnectedJira) -> None:
    jira.read("PI-1")
    before = jira.calls()
    keys = [f"PI-{number}" for number in range(100, 200)]
    assert set(jira.read(*keys).found) == set(keys)
    assert jira.calls() - before == 1


def test_more_than_a_hundred_are_read_in_batches(jira: ConnectedJira) -> None:
    keys = [f"PI-{number}" for number in range(1, 251)]
    result = jira.read(*keys)
    assert set(result.found) | set(result.refused) == set(keys)
    assert len(result.found) > 240


def test_no_keys_cost_no_call(jira: ConnectedJira) -> None:
    assert jira.read().found == {}
    assert jira.read("not a key", "", "PI-0", 'PI-1") OR ("1"="1').found == {}
    assert [name for name in jira.site.counts() if "bulk" in name or "issue" in name] == []


def test_what_has_no_keys_form_is_refused_without_asking(jira: ConnectedJira) -> None:
    result = jira.read("nonsense", "PI-42")
    assert result.refused["nonsense"].code is FailureCode.TICKET_NOT_FOUND
    assert "PI-42" in result.found


def test_one_missing_key_does_not_fail_the_batch(jira: ConnectedJira) -> None:
    keys = [f"PI-{number}" for number in range(100, 150)]
    result = jira.read(*keys, "PI-99999", "NOPE-1")
    assert set(result.found) == set(keys)
    assert {key: problem.code for key, problem in result.refused.items()} == {
        "PI-99999": FailureCode.TICKET_NOT_FOUND,
        "NOPE-1": FailureCode.TICKET_NOT_FOUND,
    }


def test_a_hidden_and_a_deleted_ticket_are_not_found(jira: ConnectedJira) -> None:
    store = jira.site.simulator.store
    store.hide(store.get("PI-50").id, hidden=True)
    store.delete(store.get("PI-51").id)
    result = jira.read("PI-50", "PI-51", "PI-52")
    assert set(result.found) == {"PI-52"}
    assert {problem.code for problem in result.refused.values()} == {FailureCode.TICKET_NOT_FOUND}


def test_a_moved_ticket_is_found_under_its_old_key_and_says_its_new_one(
    jira: ConnectedJira,
) -> None:
    store = jira.site.simulator.store
    old = store.get("PI-60")
    moved = store.move(old.id, project=defaults.SECOND_PROJECT)
    result = jira.read("PI-60", moved.key, "PI-61")
    assert result.found["PI-60"].key == moved.key
    assert result.found["PI-60"].issue_id == str(old.id)
    assert result.found[moved.key].issue_id == str(old.id)
    assert result.found["PI-61"].key == "PI-61"


def test_a_ticket_that_clouds_bulk_read_could_not_give_is_read_alone() -> None:
    with connected_jira(Product.CLOUD, tickets=80) as cloud:
        cloud.site.fault("issueErrors", match="POST /rest/*/issue/bulkfetch", keys=["PI-70"])
        assert set(cloud.read("PI-70", "PI-71").found) == {"PI-70", "PI-71"}


def test_a_bulk_read_that_jira_does_not_take_falls_back_to_single_reads(
    jira: ConnectedJira,
) -> None:
    match = "POST /rest/*/issue/bulkfetch" if jira.cloud else "* /rest/*/search"
    jira.site.fault("400", match=match)
    result = jira.read("PI-70", "PI-99999")
    assert set(result.found) == {"PI-70"}
    assert set(result.refused) == {"PI-99999"}


def test_a_server_that_validates_all_the_same_costs_one_more_search() -> None:
    missing = [f"PI-9999{number}" for number in range(10)]
    messages = [f"An issue with key '{key}' does not exist for field 'key'." for key in missing]
    with connected_jira(Product.SERVER, tickets=80) as server:
        server.read("PI-1")
        server.site.fault(
            "400",
            match="POST /rest/*/search",
            times=1,
            body=json.dumps({"errorMessages": messages, "errors": {}}),
            headers={"Content-Type": "application/json"},
        )
        before = server.calls()
        result = server.read("PI-70", "PI-71", *missing)
        assert set(result.found) == {"PI-70", "PI-71"}
        assert set(result.refused) == set(missing)
        two_searches_one_proof = 3
        assert server.calls() - before == two_searches_one_proof + len(missing)


def test_a_forbidden_ticket_is_distinguished_from_a_missing_one(jira: ConnectedJira) -> None:
    store = jira.site.simulator.store
    store.hide(store.get("PI-50").id, hidden=True)
    jira.site.fault("403", match="GET /rest/*/issue/PI-50")
    assert jira.read("PI-50").refused["PI-50"].code is FailureCode.NO_PERMISSION


def test_values_of_every_kind_come_out_as_text(jira: ConnectedJira) -> None:
    site = jira.site.simulator.state.site
    jira.edit(
        "PI-80",
        summary="  Häuser \u2192 50 \x00",
        customfield_10909=4.0,
        customfield_10908="158041-001-01",
        labels=["b", "a", "b"],
    )
    jira.edit("PI-81", customfield_10909=2.5)
    jira.edit("PI-82", customfield_10911=site.option("Hall 2", child="DMU 50"))
    jira.edit("PI-83", customfield_10913="h2. Part\n*ALU-7075* in {color:red}red{color}")
    result = jira.read("PI-80", "PI-81")
    first, second = result.found["PI-80"], result.found["PI-81"]
    assert (first.summary, first.quantity) == ("Häuser \u2192 50", 4)
    assert first.part_number == "158041-001-01"
    assert first.labels == ("b", "a")
    assert second.quantity is None
    assert second.quantity_unread == "2.5"
    with closing(jira.client(jira_field_part_number="Machine / Cell")) as by_name:
        assert by_name.read(["PI-82"], deadline=FAR).found["PI-82"].part_number == "Hall 2 / DMU 50"
    with closing(jira.client(jira_field_part_number="customfield_10913")) as rich:
        part = rich.read(["PI-83"], deadline=FAR).found["PI-83"].part_number
        assert part == "Part\nALU-7075 in red"


def test_without_a_mapped_field_the_summary_gives_the_part_number(jira: ConnectedJira) -> None:
    jira.edit("PI-80", summary="Build 5 [ALU-7075]")
    client = jira.client(jira_field_part_number="", jira_part_number_pattern=r"\[([\w-]+)\]")
    with closing(client):
        assert client.read(["PI-80"], deadline=FAR).found["PI-80"].part_number == "ALU-7075"


def test_an_ambiguous_or_missing_field_name_stops_reads_with_the_candidates(
    jira: ConnectedJira,
) -> None:
    with (
        closing(jira.client(jira_field_part_number="Revision")) as ambiguous,
        pytest.raises(MappingError, match="customfield_10925"),
    ):
        ambiguous.read(["PI-42"], deadline=FAR)
    with (
        closing(jira.client(jira_field_quantity="Quantities")) as missing,
        pytest.raises(MappingError, match="customfield_10909"),
    ):
        missing.read(["PI-42"], deadline=FAR)


REMARKS = "customfield_10913"
MARKED = {"PI-80": "158041-{*}001{*}-02", "PI-81": "{*}ALU-7075{*}", "PI-82": "_A_"}


def test_whether_text_is_markup_is_told_by_its_field_and_asked_once(jira: ConnectedJira) -> None:
    for key, text in MARKED.items():
        jira.edit(key, customfield_10913=text, customfield_10908=text, summary=text)
    with closing(jira.client(jira_field_part_number=REMARKS)) as rich:
        found = rich.read([*MARKED], deadline=FAR).found
        assert [found[key].part_number for key in MARKED] == ["158041-001-02", "ALU-7075", "A"]
        assert [found[key].summary for key in MARKED] == [*MARKED.values()]
        rich.read([*MARKED], deadline=FAR)
        assert _calls(jira, " field") == 1
    single = jira.read(*MARKED).found
    assert [single[key].part_number for key in MARKED] == [*MARKED.values()]
    assert _calls(jira, " field") == 2
    assert _calls(jira, "GET", " issue/") == 0


@pytest.mark.parametrize("fault", ["401", "403", "404", "503", "html"])
def test_a_token_that_may_not_list_fields_learns_the_kind_from_a_ticket(
    jira: ConnectedJira, fault: str
) -> None:
    jira.edit("PI-80", customfield_10913="{*}ALU-7075{*}")
    jira.site.fault(fault, match="GET /rest/api/2/field")
    with closing(jira.client(jira_field_part_number=REMARKS)) as rich:
        assert rich.read(["PI-80"], deadline=FAR).found["PI-80"].part_number == "ALU-7075"
        rich.read(["PI-80"], deadline=FAR)
    assert _calls(jira, "GET", " issue/") == 1


def test_a_text_whose_field_nobody_tells_the_kind_of_is_left_out_and_said(
    jira: ConnectedJira,
) -> None:
    jira.edit("PI-80", customfield_10913="{*}ALU-7075{*}")
    jira.edit("PI-81", customfield_10913="ALU-7075")
    jira.site.fault("403", match="GET /rest/api/2/field")
    jira.site.fault("404", match="GET /rest/api/2/issue/10080")
    with closing(jira.client(jira_field_part_number=REMARKS)) as rich:
        found = rich.read(["PI-80", "PI-81"], deadline=FAR).found
    assert (found["PI-80"].part_number, found["PI-81"].part_number) == (None, "ALU-7075")
    assert "may be wiki markup" in found["PI-80"].notes[0].message


def test_a_jira_that_fails_in_between_is_waited_for_and_nothing_is_guessed(
    jira: ConnectedJira,
) -> None:
    jira.edit("PI-80", customfield_10913="{*}ALU-7075{*}")
    for match in ("GET /rest/api/2/field", "GET /rest/api/2/issue/*"):
        jira.site.fault("503", match=match)
    with closing(jira.client(jira_field_part_number=REMARKS)) as rich:
        with pytest.raises(JiraUnavailable):
            rich.read(["PI-80"], deadline=FAR)
        jira.site.heal()
        assert rich.read(["PI-80"], deadline=FAR).found["PI-80"].part_number == "ALU-7075"


def test_fields_of_team_managed_projects_are_mapped_by_their_common_name() -> None:
    with connected_jira(Product.CLOUD, tickets=80) as cloud:
        cloud.edit("PI-80", customfield_10923="OF-ALL", customfield_10924="NOT-OURS")
        cloud.edit("TL-1", customfield_10924="OF-TL")
        cloud.edit("TL-2", customfield_10923="OF-ALL", customfield_10924=None)
        with closing(cloud.client(jira_field_part_number="Part Number")) as named:
            found = named.read(["PI-80", "TL-1", "TL-2"], deadline=FAR).found
        assert {key: one.part_number for key, one in found.items()} == {
            "PI-80": "OF-ALL",
            "TL-1": "OF-TL",
            "TL-2": "OF-ALL",
        }


def test_several_fields_and_fields_of_one_project_are_mapped_by_id(jira: ConnectedJira) -> None:
    jira.edit("PI-80", customfield_10908="FIRST", customfield_10923="SECOND")
    jira.edit("PI-81", customfield_10908=None, customfield_10923="SECOND")
    jira.edit("TL-1", customfield_10908="FIRST", customfield_10925="OF-TL")
    text = "customfield_10908, TL=customfield_10925, customfield_10923"
    with closing(jira.client(jira_field_part_number=text)) as several:
        found = several.read(["PI-80", "PI-81", "TL-1"], deadline=FAR).found
    assert [one.part_number for one in found.values()] == ["FIRST", "SECOND", "OF-TL"]


def test_an_object_with_ids_alone_is_said_and_a_configured_format_is_read(
    jira: ConnectedJira,
) -> None:
    ids = [{"workspaceId": "w", "id": "w:1", "objectId": "1"}]
    jira.edit("PI-80", customfield_10927=ids, customfield_10928="1,000")
    asked = {"jira_field_part_number": "Part", "jira_field_quantity": "customfield_10928"}
    with closing(jira.client(**asked)) as plain:
        ticket = plain.read(["PI-80"], deadline=FAR).found["PI-80"]
    assert (ticket.part_number, ticket.quantity, ticket.quantity_unread) == (None, None, "1,000")
    assert ticket.notes[0].field == "jira_part_number"
    with closing(jira.client(**asked, jira_quantity_format="1,234.5")) as formatted:
        assert formatted.read(["PI-80"], deadline=FAR).found["PI-80"].quantity == 1000


def _calls(jira: ConnectedJira, *parts: str) -> int:
    counts = jira.site.counts().items()
    return sum(number for name, number in counts if all(part in name for part in parts))


def test_an_epic_is_the_parent_on_cloud_and_the_epic_link_elsewhere(jira: ConnectedJira) -> None:
    with closing(jira.client(jira_field_epic_link="")) as client:
        epic = client.read(["PI-42"], deadline=FAR).found["PI-42"].epic_link
    assert epic == ("PI-10" if jira.cloud else None)


def test_the_account_the_server_and_the_fields_are_known(jira: ConnectedJira) -> None:
    assert jira.jira.verify().display_name == "Routecard Service"
    assert jira.jira.verify().time_zone == defaults.TIME_ZONE
    assert jira.jira.server_info().deployment is PRODUCTS[jira.product]
    fields = {field.field_id: field for field in jira.jira.fields()}
    assert fields[defaults.FIELD_QUANTITY].name == "Quantity"
    assert fields[defaults.FIELD_QUANTITY].kind == "float"
    assert jira.jira.may_browse(defaults.PROJECT)


def test_a_project_that_cannot_be_browsed_is_known_by_its_permissions(jira: ConnectedJira) -> None:
    try:
        may = jira.jira.may_browse(defaults.HIDDEN_PROJECT)
    except CallRefused:
        may = False
    assert may is False


def test_the_deployment_is_found_out_once_and_a_setting_needs_no_asking(
    jira: ConnectedJira,
) -> None:
    jira.read("PI-42")
    jira.read("PI-42")
    asked = sum(count for name, count in jira.site.counts().items() if "serverInfo" in name)
    assert asked == 1
    with closing(jira.client(jira_deployment=PRODUCTS[jira.product])) as told:
        told.read(["PI-42"], deadline=FAR)
    after = sum(count for name, count in jira.site.counts().items() if "serverInfo" in name)
    assert after == 1


def test_the_wrong_deployment_costs_some_calls_once(jira: ConnectedJira) -> None:
    wrong = Deployment.DATACENTER if jira.cloud else Deployment.CLOUD
    with closing(jira.client(jira_deployment=wrong)) as client:
        assert "PI-42" in client.read(["PI-42"], deadline=FAR).found
        before = jira.calls()
        keys = [f"PI-{number}" for number in range(100, 200)]
        assert set(client.read(keys, deadline=FAR).found) == set(keys)
        assert jira.calls() - before == 1
        assert next(iter(client.changed_since(ChangeQuery()))).tickets


def test_a_deadline_leaves_the_rest_unread(jira: ConnectedJira) -> None:
    assert jira.read("PI-42", seconds=-1).unread == {"PI-42"}
    jira.read("PI-42")
    jira.site.fault("slow", match="GET /rest/*/issue/*", delay=0.6)
    missing = [f"PI-9{number:04}" for number in range(5)]
    result = jira.read("PI-42", *missing, seconds=1.5)
    assert set(result.found) == {"PI-42"}
    assert result.interrupted is None
    assert 0 < len(result.refused) < 5
    assert set(result.refused) | result.unread == set(missing)


def test_a_closed_client_opens_again(jira: ConnectedJira) -> None:
    jira.read("PI-42")
    jira.jira.close()
    assert "PI-42" in jira.read("PI-42").found


def test_scoped_tokens_work_at_the_gateway_and_nowhere_else() -> None:
    with connected_jira(Product.CLOUD, tickets=60) as cloud:
        gateway = f"{cloud.site.url}/ex/jira/{defaults.CLOUD_ID}"
        scoped = {"jira_api_token": defaults.SCOPED_TOKEN}
        with closing(cloud.client(jira_base_url=gateway, **scoped)) as client:
            assert "PI-42" in client.read(["PI-42"], deadline=FAR).found
            assert client.verify().display_name == "Routecard Service"
