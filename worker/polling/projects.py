"""Which projects a round polls: they are checked one by one, so that none holds up the others."""

from collections.abc import Sequence
from functools import partial

from shared.database.engine import in_transaction
from shared.logs import get_logger
from shared.tickets import projects
from worker.runtime import Runtime

log = get_logger(__name__)


def check_due(runtime: Runtime, scope: str, names: Sequence[str]) -> int:
    """Check the projects that are due, at most ten; projects that are back will be caught up.

    Returns how many were checked. Raises JiraError where a call fails as a whole.
    """
    due = in_transaction(runtime.engine, partial(projects.due, scope=scope, projects=names))
    find_lost(runtime, scope, due)
    in_transaction(runtime.engine, partial(projects.catch_up, scope=scope))
    return len(due)


def find_lost(runtime: Runtime, scope: str, names: Sequence[str]) -> bool:
    """Check these projects. Returns whether any of them cannot be polled. Raises JiraError."""
    found = False
    for name in names:
        problem = runtime.jira.project_problem(name)
        if problem is None:
            in_transaction(runtime.engine, partial(projects.seen, scope=scope, project=name))
            continue
        found = True
        log.warning("project_not_polled", project=name, reason=problem)
        lost = partial(projects.lost, scope=scope, project=name, reason=problem)
        in_transaction(runtime.engine, lost)
    return found
