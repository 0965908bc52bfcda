"""Checks of the endpoints that reads use: what a search and a bulk read meet on the way to Jira."""

from collections.abc import Mapping, Sequence
from math import ceil

from shared.clock import Clock
from worker.doctor.findings import Finding, fail, ok, warn
from worker.doctor.jira import SCOPES
from worker.jira.client import Jira
from worker.jira.endpoints import by_reason
from worker.jira.errors import CallRefused, JiraError, JiraScopeMissing
from worker.jira.port import BATCH
from worker.jira.reads.reader import Bulk

_SECONDS = 10.0
_POLL = "Jobs are filled, but changes in Jira come by webhooks only, since searches are refused"


def unreadable(error: JiraError) -> Finding:
    """Tickets that cannot be read at all."""
    scope = isinstance(error, JiraScopeMissing)
    remedy = SCOPES if scope else "See the findings above, or name a ticket."
    return fail("fill", f"{error.message}.", remedy)


def bulk(
    jira: Jira, clock: Clock, keys: Sequence[str], *, no_search: CallRefused | None
) -> Finding:
    """How many calls a bulk read costs here; ``keys`` are tickets that Jira has, 100 at most.

    ``no_search`` is how all searches are refused. Raises JiraError if Jira does not answer at all.
    """
    deadline = clock.monotonic() + _SECONDS
    jira.read(keys[:1], deadline=deadline)  # finds out which endpoints are refused
    jira.read_in_bulk(keys, deadline=deadline)  # finds out which length is refused
    read = jira.read_in_bulk(keys, deadline=deadline)
    refused = {name: e for name, e in jira.refusals().items() if _is_bulk(name)}
    if refused or read.calls != 1:
        message = _restricted(read, refused, len(keys)) + (f" {_POLL}." if no_search else "")
        return warn("bulk_reads", message, _remedy(refused))
    if no_search is not None:
        return warn("search", f"{_POLL}: {no_search.message}.", _search_remedy(no_search))
    return ok("bulk_reads", f"Many tickets are read in one call, by {read.way}.")


def _restricted(read: Bulk, refused: Mapping[str, JiraError], keys: int) -> str:
    parts = [f"{names} refused ({why})" for why, names in by_reason(refused).items()]
    if read.way and read.calls > 1:
        parts.append("long queries refused on the way to Jira")
    calls = ceil(read.calls * BATCH / keys) if read.way else BATCH
    cost = f"{calls} calls" if calls > 1 else "one call"
    return (
        f"Bulk reads are restricted here: {'; '.join(parts)}. "
        f"So 100 tickets cost {cost}, by {read.way or 'single reads'}."
    )


def _remedy(refused: Mapping[str, JiraError]) -> str:
    if any(isinstance(error, JiraScopeMissing) for error in refused.values()):
        return SCOPES
    if refused:
        return _let_pass(", ".join(refused))
    return "Let the proxy before Jira pass longer requests: 16 KiB are enough."


def _search_remedy(refusal: CallRefused) -> str:
    scope = isinstance(refusal, JiraScopeMissing)
    return SCOPES if scope else _let_pass("POST search/jql (Cloud) or POST search (Data Center)")


def _let_pass(names: str) -> str:
    return (
        f"Let the gateway or proxy before Jira pass {names}, below /rest/api/2/; a Jira that is "
        "too old for them needs an upgrade."
    )


def _is_bulk(name: str) -> bool:
    return name == "POST issue/bulkfetch" or " search" in name
