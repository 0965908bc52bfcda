"""A state machine test: jobs, webhooks (late, repeated, reordered), polls, drains, edits."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.fill.ingest import ingest
from shared.settings import Settings
from shared.states import FailureCode, Source
from shared.sync import leases
from shared.sync import settle as sync_settle
from shared.sync.leases import Claim
from shared.tickets.ticket import Ticket
from tests.dsl import make_deliveries_due, make_job, worker
from tests.support.jira.hooks import PART_NUMBER, Inbox, issue, payload
from worker.jira.fields.mapping import FieldMapping, MappedField
from worker.jira.fields.tickets import ticket_from_issue
from worker.runtime import Runtime
from worker.webhooks.deliver import deliver

FIELDS = ("jira_ticket_summary", "jira_part_number", "jira_priority", "jira_labels")
_LEASES_OVER = text(
    "UPDATE sync_tasks SET lease_until = now() - interval '1 second' WHERE status = 'running'"
)
Draw = Callable[[st.SearchStrategy[Any]], Any]
_mostly = st.sampled_from([True, True, True, False])
_runs = itertools.count(1)
_epoch = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class Issue:
    """A ticket in Jira: all its states, the newest last, and whether it was deleted."""

    issue_id: str
    states: list[dict[str, Any]] = field(default_factory=list)
    deleted: bool = False

    @property
    def key(self) -> str:
        return str(self.states[-1]["key"])

    @property
    def keys(self) -> set[str]:
        """Every key it ever had: Jira goes on resolving them all."""
        return {state["key"] for state in self.states}


@dataclass
class Drain:
    """A worker between read and settle: what it claimed and what Jira answered."""

    claims: list[Claim]
    found: dict[str, Ticket]


class Jira(RuleBasedStateMachine):
    """Jira, clients and the worker, whose steps can be interleaved."""

    engine: ClassVar[Engine]
    runtime: ClassVar[Runtime]

    def __init__(self) -> None:
        super().__init__()
        self.number = next(_runs)
        self.inbox = Inbox(self.engine)
        self.issues: list[Issue] = []
        self.mail: list[tuple[str, bytes]] = []
        self.announced: set[str] = set()
        self.drains: list[Drain] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.filled: dict[str, tuple[Any, ...]] = {}
        self.clock = itertools.count(1)
        self.names = itertools.count(1)

    @initialize()
    def jobs_wait_before_their_tickets_and_after(self) -> None:
        self._make(self._key(1))
        for n in (1, 2):
            self._create(self._key(n), 1, {})

    @rule(data=st.data())
    def anything_happens(self, data: Any) -> None:
        """One rule for all: Hypothesis would leave out some of many, and storms leave out none."""
        possible = [
            action
            for action, weight, needed in (
                (self.a_ticket_is_made, 2, True),
                (self.a_ticket_is_edited, 3, self._living()),
                (self.a_ticket_is_moved, 1, self._living()),
                (self.a_ticket_is_deleted, 1, self._living()),
                (self.jobs_are_created, 3, True),
                (self.a_job_is_created_on_any_key_a_ticket_ever_had, 1, self.issues),
                (self.a_webhook_arrives_in_any_order_and_maybe_again_later, 5, self.mail),
                (self.a_hint_arrives, 1, True),
                (self.deliveries_are_applied, 3, True),
                (self.a_drain_reads, 2, True),
                (self.a_drain_settles, 2, self.drains),
                (self.every_lease_runs_out, 1, self.drains),
                (self.a_poll_looks, 1, self._living()),
            )
            for _ in range(weight)
            if needed
        ]
        data.draw(st.sampled_from(possible))(data.draw)

    # What happens in Jira. Every change may post a webhook, which arrives whenever it likes.

    def a_ticket_is_made(self, draw: Draw) -> None:
        key = self._key(draw(st.integers(1, 3)))
        if not any(key in known.keys for known in self.issues):
            self._make(key, tell=draw(_mostly))

    def _make(self, key: str, *, tell: bool = True) -> None:
        known = Issue(str(self.number * 1000 + next(self.names)))
        self.issues.append(known)
        self._change(known, "jira:issue_created", tell=tell, key=key)

    def a_ticket_is_edited(self, draw: Draw) -> None:
        known = draw(st.sampled_from(self._living()))
        self._change(known, "jira:issue_updated", tell=draw(_mostly))

    def a_ticket_is_moved(self, draw: Draw) -> None:
        known = draw(st.sampled_from(self._living()))
        key = f"MOVED{self.number}-{next(self.names)}"
        self._change(known, "jira:issue_updated", tell=draw(_mostly), key=key, moved_from=known.key)

    def a_ticket_is_deleted(self, draw: Draw) -> None:
        known = draw(st.sampled_from(self._living()))
        known.deleted = True
        self._post("jira:issue_deleted", known.states[-1])

    # Jobs

    def jobs_are_created(self, draw: Draw) -> None:
        given = {"jira_priority": "Mine"} if draw(st.booleans()) else {}
        self._create(self._key(draw(st.integers(1, 3))), draw(st.integers(1, 3)), given)

    def a_job_is_created_on_any_key_a_ticket_ever_had(self, draw: Draw) -> None:
        keys = sorted(key for known in self.issues for key in known.keys)
        self._create(draw(st.sampled_from(keys)), 1, {})

    # The post

    def a_webhook_arrives_in_any_order_and_maybe_again_later(self, draw: Draw) -> None:
        position = draw(st.integers(0, len(self.mail) - 1))
        identifier, body = self.mail[position]
        if draw(_mostly):
            del self.mail[position]
        self.inbox.put(body, identifier=identifier)

    def a_hint_arrives(self, draw: Draw) -> None:
        self.inbox.put({"key": self._key(draw(st.integers(1, 3)))}, signed=False)

    def deliveries_are_applied(self, _draw: Draw) -> None:
        make_deliveries_due(self.engine)
        deliver(self.runtime)

    # The worker

    def a_drain_reads(self, _draw: Draw) -> None:
        with begin(self.engine) as session:
            claims = leases.claim(session, lease_seconds=60)
        self.drains.append(Drain(claims, self._read({c.ticket_key for c in claims})))

    def a_drain_settles(self, draw: Draw) -> None:
        position = draw(st.integers(0, len(self.drains) - 1))
        self._settle(self.drains.pop(position))

    def every_lease_runs_out(self, _draw: Draw) -> None:
        with begin(self.engine) as session:
            session.execute(_LEASES_OVER)
            session.execute(text("UPDATE sync_tasks SET crashes = 0"))
        with begin(self.engine) as session:
            leases.take_back_expired(session)

    def a_poll_looks(self, _draw: Draw) -> None:
        readings = [(known.key, self._ticket(known)) for known in self._living()]
        with begin(self.engine) as session:
            ingest(session, readings, source=Source.POLL, worker="poll")

    # What must hold after every step

    @invariant()
    def what_was_filled_never_changes_and_was_once_jiras(self) -> None:
        for job_id, values in self._stored().items():
            if job_id in self.filled:
                assert values == self.filled[job_id], "a filled job changed"
            else:
                assert values in self._possible(job_id), "a value the ticket never had"
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
        """At the end everything arrives, and nothing waits."""
        nothing: Any = None
        for drain in self.drains:
            self._settle(drain)
        for identifier, body in self.mail:
            self.inbox.put(body, identifier=identifier)
        self.every_lease_runs_out(nothing)
        self.deliveries_are_applied(nothing)
        self.a_poll_looks(nothing)
        for _ in range(2):
            self.a_drain_reads(nothing)
            self._settle(self.drains[-1])
        self.what_was_filled_never_changes_and_was_once_jiras()
        self.every_fill_is_counted_once()
        self._nothing_waits()

    def _nothing_waits(self) -> None:
        assert [row.id for row in self.inbox.rows() if row.outcome in (None, "failed")] == []
        gone = {key for known in self.issues if known.deleted for key in known.keys}
        # Only a read by the old key could find a move that no webhook announced.
        known = self.announced | {known.key for known in self.issues}
        for status, key in self._rows(
            "SELECT status, ticket_key FROM sync_tasks WHERE job_id = ANY(:ids)"
        ):
            if key in known - gone:
                assert status == "filled", f"{key} was to be had, and its task is {status}"
            else:
                assert status in ("filled", "failed")

    # Helpers

    def _key(self, n: int) -> str:
        return f"RUN{self.number}-{n}"

    def _living(self) -> list[Issue]:
        return [known for known in self.issues if not known.deleted]

    def _create(self, key: str, count: int, given: dict[str, Any]) -> None:
        for _ in range(count):
            job_id = make_job(self.engine, key, **given)
            self.jobs[job_id] = {"key": key, **given}

    def _change(
        self,
        known: Issue,
        event: str,
        *,
        tell: bool,
        key: str | None = None,
        moved_from: str | None = None,
    ) -> None:
        number = next(self.clock)
        state = issue(
            key or known.key,
            issue_id=known.issue_id,
            updated=_epoch + timedelta(milliseconds=number),
            summary=f"State {number}",
            priority={"name": f"P{number % 3}"},
            labels=[f"l{number}"] if number % 2 else [],
        )
        state["fields"][PART_NUMBER] = f"PN-{number}" if number % 4 else None
        known.states.append(state)
        if tell:
            self._post(event, state, moved_from)

    def _post(self, event: str, state: dict[str, Any], moved_from: str | None = None) -> None:
        body = payload(event, about=state, moved_from=moved_from)
        self.announced |= {state["key"], *([moved_from] if moved_from else [])}
        self.mail.append((f"run{self.number}-{next(self.names)}", json.dumps(body).encode()))

    def _ticket(self, known: Issue) -> Ticket:
        return ticket_from_issue(
            known.states[-1], FieldMapping(part_number=(MappedField(PART_NUMBER),))
        )

    def _read(self, keys: set[str]) -> dict[str, Ticket]:
        return {k: self._ticket(i) for k in keys for i in self._living() if k in i.keys}

    def _settle(self, drain: Drain) -> None:
        readings = sorted(drain.found.items())
        held = [c for c in drain.claims if c.ticket_key in drain.found]
        lost = [c for c in drain.claims if c.ticket_key not in drain.found]
        with begin(self.engine) as session:
            ingest(session, readings, source=Source.API, worker="drain", claims=held)
            sync_settle.fail(session, lost, code=FailureCode.TICKET_NOT_FOUND, worker="drain")

    def _possible(self, job_id: str) -> list[tuple[Any, ...]]:
        """What the job may be filled with: one state of its ticket, under what was sent."""
        given = self.jobs[job_id]
        return [
            (
                state["fields"]["summary"],
                state["fields"][PART_NUMBER],
                given.get("jira_priority") or state["fields"]["priority"]["name"],
                state["fields"]["labels"] or None,
            )
            for known in self.issues
            if given["key"] in known.keys
            for state in known.states
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
def machine(engine: Engine, settings: Settings) -> Iterator[type[Jira]]:
    """The state machine on the test's database; every run has tickets of its own."""
    bare = {"jira_field_quantity": "", "jira_field_epic_link": ""}
    with worker(settings.model_copy(update=bare)) as runtime:
        yield type("Storm", (Jira,), {"engine": engine, "runtime": runtime})


@pytest.mark.timeout(300)
def test_whatever_happens_in_whatever_order_each_job_is_filled_once_and_rightly(
    machine: type[Jira],
) -> None:
    run(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            # A failing run is shown as it was: shrinking takes longer than the test may.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
