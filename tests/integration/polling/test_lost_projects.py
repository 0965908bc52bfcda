"""JIRA_PROJECT=PI,GONE: PI is polled all the same, GONE is named, and it loses nothing for ever."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, text

from shared.database.engine import begin
from shared.models import TicketCopy
from shared.settings import Settings
from shared.tickets import projects
from tests.dsl import ApiClient, api_client, configured, make_job, make_poll_due, worker
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from worker.doctor.run import examine
from worker.polling.poll import poll
from worker.runtime import Runtime
from worker.simulator.config import Deployment
from worker.sync.drain import drain

PRODUCTS = {Deployment.SERVER: "datacenter", Deployment.CLOUD: "cloud"}


@pytest.fixture(params=list(Deployment), ids=lambda product: product.value)
def jira(request: pytest.FixtureRequest) -> Iterator[SimulatedJira]:
    """A Jira with few tickets."""
    with simulated_jira(deployment=request.param, tickets=60) as jira:
        yield jira


@pytest.fixture
def settings(settings: Settings, jira: SimulatedJira) -> Settings:
    """Two projects, of which the second does not exist yet."""
    product = jira.simulator.config.deployment
    return configured(
        settings,
        jira_base_url=jira.url,
        jira_deployment=PRODUCTS[product],
        jira_pat="simulator-pat" if product is Deployment.SERVER else None,
        jira_project=("PI", "GONE"),
        jira_field_epic_link="",
        jira_requests_per_minute=60_000,
    )


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    """A worker."""
    with worker(settings) as runtime:
        yield runtime


@pytest.fixture
def api(settings: Settings, engine: Engine) -> Iterator[ApiClient]:
    """The API."""
    with api_client(settings, engine) as client:
        yield client


def keys(engine: Engine, project: str) -> set[str]:
    """The keys of our copies of this project."""
    with begin(engine) as session:
        found = session.scalars(select(TicketCopy.key)).all()
    return {key for key in found if key.startswith(f"{project}-")}


def next_round(runtime: Runtime, *, checks: bool = True) -> None:
    """Let the interval pass, and that of the checks too, and poll."""
    make_poll_due(runtime.engine)
    if checks:
        with begin(runtime.engine) as session:
            session.execute(
                text("UPDATE polled_projects SET checked_at = checked_at - interval '10 minutes'")
            )
    poll(runtime)


def degraded(api: ApiClient) -> list[str]:
    """The projects that /readyz names."""
    answer = api.get("/readyz")
    assert answer.status_code == 200
    return [part for part in answer.get_json()["degraded"] if part.startswith("project")]


def test_a_project_that_does_not_exist_is_named_everywhere_and_the_other_is_polled(
    runtime: Runtime, engine: Engine, api: ApiClient, jira: SimulatedJira
) -> None:
    poll(runtime)
    assert len(keys(engine, "PI")) == 59
    assert degraded(api) == ["project GONE"]
    (lost,) = api.get("/api/sync/summary").get_json()["poll"]["lostProjects"]
    assert lost["project"] == "GONE"
    assert "The value 'GONE' does not exist" in lost["reason"]
    for page in ("/", "/jira"):
        assert "Not polled: GONE" in api.get(page).text
    jira.control("PATCH", "tickets/PI-1", {"summary": "changed"})
    next_round(runtime)
    with begin(engine) as session:
        assert "changed" in session.scalars(select(TicketCopy.summary)).all()


def test_the_doctor_has_one_finding_for_it(runtime: Runtime, settings: Settings) -> None:
    poll(runtime)
    findings = {one.name: one for one in examine(settings)}
    about = [name for name, one in findings.items() if "GONE" in one.message + one.remedy]
    assert [name for name in about if findings[name].status == "fail"] == ["project_GONE"]
    assert findings["project_GONE"].remedy
    assert findings["poll"].status == findings["fill"].status == findings["project_PI"].status
    assert findings["poll"].message.endswith("Not polled: GONE.")


def test_it_is_polled_as_soon_as_it_exists_with_all_its_tickets(
    runtime: Runtime, engine: Engine, api: ApiClient, jira: SimulatedJira
) -> None:
    poll(runtime)
    jira.control("POST", "projects", {"key": "GONE"})
    jira.control("POST", "tickets", {"project": "GONE", "count": 3})
    next_round(runtime, checks=False)
    assert (keys(engine, "GONE"), degraded(api)) == (set(), ["project GONE"])
    next_round(runtime)
    assert (len(keys(engine, "GONE")), degraded(api)) == (3, [])
    next_round(runtime)
    jira.control("POST", "tickets", {"project": "GONE", "count": 1})
    next_round(runtime)
    assert len(keys(engine, "GONE")) == 4


@pytest.mark.parametrize("answer", ["400", "an empty list"])
def test_a_project_that_was_hidden_for_days_loses_no_change(
    runtime: Runtime, engine: Engine, api: ApiClient, jira: SimulatedJira, answer: str
) -> None:
    jira.control("PATCH", "settings", {"hiddenProjectIsError": answer == "400"})
    jira.control("POST", "projects", {"key": "GONE"})
    store = jira.simulator.store
    (ticket,) = jira.control("POST", "tickets", {"project": "GONE", "count": 1})["keys"]
    poll(runtime)
    assert keys(engine, "GONE") == {ticket}
    jira.control("POST", "projects/GONE/hide")
    next_round(runtime)
    assert degraded(api) == ["project GONE"]
    three_days_ago = datetime.now(UTC).timestamp() * 1000 - 3 * 86_400_000  # noqa: TID251  Jira's
    missed = store.add(
        project="GONE",
        fields=store.get(ticket).fields,
        updated_ms=int(three_days_ago) + 1000,
        notify=False,
    )
    with begin(engine) as session:  # as if all of this had been days ago
        session.execute(
            text("UPDATE polled_projects SET read_up_to = to_timestamp(:ms / 1000.0)"),
            {"ms": three_days_ago},
        )
    jira.control("POST", "projects/GONE/unhide")
    for _ in range(2):
        next_round(runtime)
    assert keys(engine, "GONE") == {ticket, missed.key}
    assert degraded(api) == []


def test_what_a_hidden_project_lost_counts_from_its_last_good_check(
    runtime: Runtime, engine: Engine, jira: SimulatedJira
) -> None:
    """The watermark has moved on with the other project since."""
    jira.control("PATCH", "settings", {"hiddenProjectIsError": False})
    jira.control("POST", "projects", {"key": "GONE"})
    jira.control("POST", "tickets", {"project": "GONE", "count": 1})
    poll(runtime)
    with begin(engine) as session:
        session.execute(text("UPDATE polled_projects SET checked_at = '2024-05-01 00:00+00'"))
    jira.control("POST", "projects/GONE/hide")
    next_round(runtime, checks=False)
    with begin(engine) as session:
        read_up_to = session.scalar(
            text("SELECT read_up_to FROM polled_projects WHERE project = 'GONE'")
        )
    assert read_up_to == datetime(2024, 5, 1, tzinfo=UTC)


def test_a_project_that_goes_away_during_a_round_does_not_end_it(
    runtime: Runtime, engine: Engine, api: ApiClient, jira: SimulatedJira
) -> None:
    jira.control("POST", "projects", {"key": "GONE"})
    jira.control("POST", "tickets", {"project": "GONE", "count": 1})
    poll(runtime)
    jira.control("POST", "projects/GONE/hide")
    jira.control("PATCH", "tickets/PI-1", {"summary": "changed"})
    next_round(runtime, checks=False)
    assert degraded(api) == ["project GONE"]
    with begin(engine) as session:
        assert "changed" in session.scalars(select(TicketCopy.summary)).all()


def test_only_wrong_projects_poll_nothing_and_say_so(
    settings: Settings, engine: Engine, jira: SimulatedJira
) -> None:
    wrong = configured(settings, jira_project=("GONE", "AWAY"))
    with worker(wrong) as runtime, api_client(wrong, engine) as api:
        assert poll(runtime) == 0
        assert degraded(api) == ["project AWAY", "project GONE"]
        jira.control("POST", "projects", {"key": "AWAY"})
        jira.control("POST", "tickets", {"project": "AWAY", "count": 2})
        next_round(runtime)
        assert (len(keys(engine, "AWAY")), degraded(api)) == (2, ["project GONE"])


def test_a_name_instead_of_a_key_is_found_out(settings: Settings, engine: Engine) -> None:
    named = configured(settings, jira_project=("PI", "tooling"))
    with worker(named) as runtime, api_client(named, engine) as api:
        poll(runtime)
        (lost,) = api.get("/api/sync/summary").get_json()["poll"]["lostProjects"]
        assert lost["reason"] == "Jira answers with tickets of TL: use that key"
        assert keys(engine, "TL") == set()


def test_the_checks_cost_few_calls(runtime: Runtime, jira: SimulatedJira) -> None:
    poll(runtime)
    before = sum(jira.counts().values())
    for _ in range(5):
        next_round(runtime, checks=False)
    assert sum(jira.counts().values()) - before == 5
    assert projects.LOST_CHECK_SECONDS >= 60


def test_a_round_without_checks_closes_no_circuit(
    runtime: Runtime, engine: Engine, jira: SimulatedJira
) -> None:
    poll(runtime)
    make_job(engine, "PI-3")
    jira.fault("503", times=1)
    drain(runtime)
    jira.fault("503", match="* /rest/*search*")
    next_round(runtime, checks=False)
    with begin(engine) as session:
        assert session.scalar(text("SELECT failures FROM jira_pauses")) == 2


def test_a_star_polls_all_that_the_account_may_see(settings: Settings, engine: Engine) -> None:
    with worker(configured(settings, jira_project=("*",))) as runtime:
        poll(runtime)
    assert (len(keys(engine, "PI")), len(keys(engine, "TL"))) == (59, 20)
