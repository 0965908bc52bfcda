"""Random histories of a Jira, of webhooks, polls and reads: each job gets its own key's values.

The worker's own code runs on a real database; the Jira is a model that remembers every moment.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.fill.ingest import ask_again, ingest
from shared.settings import Settings
from shared.states import FailureCode, Source
from shared.sync import leases
from shared.sync.leases import Claim
from shared.tickets import sites
from shared.tickets.readings import found_by_search
from shared.tickets.ticket import Ticket
from tests.dsl import end_pause, make_deliveries_due, make_job, worker
from tests.support.jira.hooks import PART_NUMBER, Inbox, payload
from tests.support.jira.model import Contents, Issue, JiraModel
from worker.breaker.circuit import CircuitState
from worker.jira.fields.mapping import FieldMapping, MappedField
from worker.jira.fields.tickets import ticket_from_issue
from worker.jira.port import ReadResult, TicketProblem
from worker.runtime import Runtime
from worker.sync import settle
from worker.webhooks.deliver import deliver

FIELDS = ("jira_ticket_summary", "jira_part_number", "jira_priority", "jira_labels")
BASES = ("https://one.example", "https://two.example")
_LEASES_OVER = text(
    "UPDATE sync_tasks SET lease_until = now() - interval '1 second' WHERE status = 'running'"
)
_MAPPING = FieldMapping(part_number=(MappedField(PART_NUMBER),))
Draw = Callable[[st.SearchStrategy[Any]], Any]
_mostly = st.sampled_from([True, True, True, False])
_runs = itertools.count(1)


@dataclass
class Drain:
    """A worker between read and settle: its claims, Jira's answers, and the site it knew."""

    claims: list[Claim]
    result: ReadResult
    site_id: int


class RightValues(RuleBasedStateMachine):
    """Jira, clients and the worker, whose steps can be interleaved."""

    engine: ClassVar[Engine]
    runtime: ClassVar[Runtime]

    def __init__(self) -> None:
        super().__init__()
        self.number = next(_runs)
        self.inbox = Inbox(self.engine)
        self.jira = JiraModel(tuple(f"{base}/{self.number}" for base in BASES))
        self.backups: list[tuple[str, Contents]] = []
        self.mail: list[tuple[str, bytes]] = []
        self.drains: list[Drain] = []
        self.jobs: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.filled: dict[str, tuple[Any, ...]] = {}
        self.names = itertools.count(1)

    @initialize()
    def jobs_wait_before_their_tickets_and_after(self) -> None:
        nothing: Any = None
        self.the_site_is_checked(nothing)
        for n in (1, 2, 3):
            self._post("jira:issue_created", self.jira.create(self._key(n)))
            self._create(self._key(n), 1, {})

    @rule(data=st.data())
    def anything_happens(self, data: Any) -> None:
        """One rule for all: Hypothesis would leave out some of many, and storms leave out none."""
        living = list(self.jira.contents.issues.values())
        here = [backup for base, backup in self.backups if base == self.jira.base]
        possible = [
            action
            for action, weight, needed in (
                (self.a_ticket_is_made, 2, True),
                (self.a_ticket_is_edited, 4, living),
                (self.a_ticket_is_moved, 1, living),
                (self.a_project_is_renamed, 1, living),
                (self.a_ticket_is_deleted, 1, living),
                (self.a_backup_is_made, 1, living),
                (self.jira_is_restored_from_a_backup, 2, here),
                (self.jira_is_migrated, 1, living),
                (self.another_jira_answers, 1, True),
                (self.the_site_is_checked, 2, True),
                (self.jobs_are_created, 4, True),
                (self.a_webhook_arrives_in_any_order_and_maybe_again_later, 5, self.mail),
                (self.a_hint_arrives, 1, True),
                (self.deliveries_are_applied, 3, True),
                (self.a_drain_reads, 2, True),
                (self.a_drain_settles, 2, self.drains),
                (self.every_lease_runs_out, 1, self.drains),
                (self.a_poll_looks, 2, living),
            )
            for _ in range(weight)
            if needed
        ]
        data.draw(st.sampled_from(possible))(data.draw)

    # What happens in Jira. Changes may post a webhook, which arrives whenever it likes.

    def a_ticket_is_made(self, draw: Draw) -> None:
        """Also on a key that another ticket had, as after an import."""
        if key := self._free_key(draw):
            self._tell("jira:issue_created", self.jira.create(key), draw)

    def a_ticket_is_edited(self, draw: Draw) -> None:
        self._tell("jira:issue_updated", self.jira.edit(self._one(draw)), draw)

    def a_ticket_is_moved(self, draw: Draw) -> None:
        before, key = self._one(draw), self._free_key(draw)
        if key:
            self._tell("jira:issue_updated", self.jira.move(before, key), draw, before.key)

    def a_project_is_renamed(self, draw: Draw) -> None:
        if key := self._free_key(draw):
            self.jira.rename(self._one(draw), key)

    def a_ticket_is_deleted(self, draw: Draw) -> None:
        one = self._one(draw)
        self.jira.delete(one)
        self._tell("jira:issue_deleted", one, draw)

    def a_backup_is_made(self, _draw: Draw) -> None:
        self.backups.append((self.jira.base, self.jira.backup()))

    def jira_is_restored_from_a_backup(self, draw: Draw) -> None:
        here = [backup for base, backup in self.backups if base == self.jira.base]
        self.jira.restore(draw(st.sampled_from(here)))

    def jira_is_migrated(self, draw: Draw) -> None:
        """Keys stay; ids change, or change places with those of other tickets."""
        base = draw(st.sampled_from(self.jira.bases))
        if draw(st.booleans()):
            self.jira.reimport(base, new_ids=draw(_mostly))
        elif base != self.jira.base:
            self.jira.swap_ids(base)

    def another_jira_answers(self, draw: Draw) -> None:
        self.jira.answer(draw(st.sampled_from(self.jira.bases)))

    # Jobs

    def jobs_are_created(self, draw: Draw) -> None:
        given = {"jira_priority": "Mine"} if draw(st.booleans()) else {}
        keys = sorted({self._key(n) for n in range(1, 6)} | self.jira.contents.keys())
        self._create(draw(st.sampled_from(keys)), draw(st.integers(1, 2)), given)

    # The post

    def a_webhook_arrives_in_any_order_and_maybe_again_later(self, draw: Draw) -> None:
        position = draw(st.integers(0, len(self.mail) - 1))
        identifier, body = self.mail[position]
        if draw(_mostly):
            del self.mail[position]
        self.inbox.put(body, identifier=f"{identifier}-{next(self.names)}")

    def a_hint_arrives(self, draw: Draw) -> None:
        self.inbox.put({"key": self._key(draw(st.integers(1, 5)))}, signed=False)

    def deliveries_are_applied(self, _draw: Draw) -> None:
        make_deliveries_due(self.engine)
        deliver(self.runtime)

    # The worker

    def the_site_is_checked(self, _draw: Draw) -> None:
        with begin(self.engine) as session:
            sites.ensure(session, self.runtime.settings)
            sites.identify(
                session,
                self.runtime.settings,
                identity=self.jira.base,
                title="Jira",
                deployment="cloud",
            )

    def a_drain_reads(self, _draw: Draw) -> None:
        site_id = self.runtime.site.known().site_id
        with begin(self.engine) as session:
            claims = leases.claim(session, lease_seconds=60)
        asked = {claim.ticket_key for claim in claims}
        found = {key: one for key in asked if (one := self.jira.contents.find(key))}
        result = ReadResult(
            found={key: self._ticket(one) for key, one in found.items()},
            refused=dict.fromkeys(asked - set(found), TicketProblem(FailureCode.TICKET_NOT_FOUND)),
        )
        self.drains.append(Drain(claims, result, site_id))

    def a_drain_settles(self, draw: Draw) -> None:
        position = draw(st.integers(0, len(self.drains) - 1))
        self._settle(self.drains.pop(position))

    def every_lease_runs_out(self, _draw: Draw) -> None:
        with begin(self.engine) as session:
            session.execute(_LEASES_OVER)
            session.execute(text("UPDATE sync_tasks SET crashes = 0"))
        with begin(self.engine) as session:
            leases.take_back_expired(session)

    def a_poll_looks(self, draw: Draw) -> None:
        """The search index may be late."""
        late = draw(st.integers(0, 4))
        place = max(self.jira.began, len(self.jira.moments) - 1 - late)
        self._poll(self.jira.moments[place])

    # What must hold after every step

    @invariant()
    def what_was_filled_never_changes_and_was_its_own_keys(self) -> None:
        for job_id, values in self._stored().items():
            if job_id in self.filled:
                assert values == self.filled[job_id], "a filled job changed"
            else:
                assert values in self._possible(job_id), "a value its key never had while it waited"
                self.filled[job_id] = values

    @invariant()
    def every_fill_is_counted_once(self) -> None:
        rows = self._rows(
            "SELECT t.id FROM sync_tasks t JOIN jobs j ON j.id = t.job_id "
            "LEFT JOIN sync_attempts a ON a.task_id = t.id AND a.outcome = 'filled' "
            "WHERE t.job_id = ANY(:ids) GROUP BY t.id, t.status, j.jira_filled_at "
            "HAVING count(a.id) <> CASE WHEN t.status = 'filled' THEN 1 ELSE 0 END "
            "OR (t.status = 'filled') <> (j.jira_filled_at IS NOT NULL)"
        )
        assert rows == []

    def teardown(self) -> None:
        """At the end everything arrives, and every job whose ticket can be read is filled."""
        nothing: Any = None
        self.the_site_is_checked(nothing)
        for drain in self.drains:
            self._settle(drain)
        for identifier, body in self.mail:
            self.inbox.put(body, identifier=identifier)
        self.every_lease_runs_out(nothing)
        self.deliveries_are_applied(nothing)
        self._poll(self.jira.contents)
        for _ in range(2):
            self.a_drain_reads(nothing)
            self._settle(self.drains[-1])
        self.what_was_filled_never_changes_and_was_its_own_keys()
        self.every_fill_is_counted_once()
        self._nothing_waits()

    def _nothing_waits(self) -> None:
        assert [row.id for row in self.inbox.rows() if row.outcome in (None, "failed")] == []
        present = {one.key for one in self.jira.contents.issues.values()}
        for status, key, code in self._rows(
            "SELECT status, ticket_key, error_code FROM sync_tasks WHERE job_id = ANY(:ids)"
        ):
            if key in present and code != "ticket_deleted":
                assert status == "filled", f"{key} can be read, and its task is {status}"
            else:
                assert status in ("filled", "failed")

    # Helpers

    def _key(self, n: int) -> str:
        return f"RUN{self.number}-{n}"

    def _free_key(self, draw: Draw) -> str | None:
        """A key that no ticket has now."""
        present = {one.key for one in self.jira.contents.issues.values()}
        free = [key for key in map(self._key, range(1, 6)) if key not in present]
        return draw(st.sampled_from(free)) if free else None

    def _one(self, draw: Draw) -> Issue:
        found: Issue = draw(st.sampled_from(list(self.jira.contents.issues.values())))
        return found

    def _create(self, key: str, count: int, given: dict[str, Any]) -> None:
        for _ in range(count):
            job_id = make_job(self.engine, key, **given)
            self.jobs[job_id] = (key, len(self.jira.moments) - 1, given)

    def _tell(self, event: str, one: Issue, draw: Draw, moved_from: str | None = None) -> None:
        if draw(_mostly):
            self._post(event, one, moved_from)

    def _post(self, event: str, one: Issue, moved_from: str | None = None) -> None:
        body = payload(event, about=one.json(self.jira.base), moved_from=moved_from)
        self.mail.append((f"run{self.number}-{next(self.names)}", json.dumps(body).encode()))

    def _ticket(self, one: Issue) -> Ticket:
        return ticket_from_issue(one.json(self.jira.base), _MAPPING)

    def _poll(self, contents: Contents) -> None:
        readings = [found_by_search(self._ticket(one)) for one in contents.issues.values()]
        site_id = self.runtime.site.known().site_id
        with begin(self.engine) as session:
            ingested = ingest(session, readings, site_id=site_id, source=Source.POLL, worker="poll")
            ask_again(session, ingested.keys)

    def _settle(self, drain: Drain) -> None:
        settle.settle(
            self.runtime,
            drain.claims,
            drain.result,
            site_id=drain.site_id,
            state=CircuitState.CLOSED,
        )
        end_pause(self.engine)

    def _possible(self, job_id: str) -> list[tuple[Any, ...]]:
        """What the job may be filled with: its key's values at a moment since it was created."""
        key, since, given = self.jobs[job_id]
        return [
            (summary, part_number, given.get("jira_priority") or priority, labels)
            for summary, part_number, priority, labels in self.jira.possible(key, since=since)
        ]

    def _stored(self) -> dict[str, tuple[Any, ...]]:
        rows = self._rows(
            f"SELECT id, {', '.join(FIELDS)} FROM jobs "
            "WHERE id = ANY(:ids) AND jira_filled_at IS NOT NULL"
        )
        return {row[0]: tuple(row[1:]) for row in rows}

    def _rows(self, statement: str) -> list[Any]:
        with begin(self.engine) as session:
            return list(session.execute(text(statement), {"ids": list(self.jobs)}).all())


@pytest.fixture
def machine(engine: Engine, settings: Settings) -> Iterator[type[RightValues]]:
    """The state machine on the test's database; every run has tickets of its own."""
    bare = {"jira_field_quantity": "", "jira_field_epic_link": ""}
    with worker(settings.model_copy(update=bare)) as runtime:
        yield type("History", (RightValues,), {"engine": engine, "runtime": runtime})


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("examples", [30, pytest.param(1000, marks=pytest.mark.long)])
def test_whatever_happens_in_whatever_order_each_job_gets_the_values_of_its_own_key(
    machine: type[RightValues], examples: int
) -> None:
    run(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            # A failing run is shown as it was: shrinking takes longer than the test may.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
