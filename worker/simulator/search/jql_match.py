"""A JQL tree turned into a test of tickets and an order of them."""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from worker.simulator.defaults import FIELD_EPIC_LINK
from worker.simulator.search.jql import Both, Clause, Either, JqlError, Negated, Node, Order
from worker.simulator.search.jql_dates import moment_ms
from worker.simulator.site.catalogue import FIELDS, Kind, clause_names
from worker.simulator.site.site import ISSUE_TYPES, PRIORITIES, STATUSES
from worker.simulator.site.store import Store
from worker.simulator.site.tickets import Ticket

Test = Callable[[Ticket], bool]

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_KEY_FIELDS: Final = frozenset({"key", "issuekey", "issue", "id"})
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[1-9][0-9]*")
_NAMED: Final[dict[str, tuple[str, Iterable[str]]]] = {
    "status": ("status", STATUSES),
    "priority": ("priority", PRIORITIES),
    "issuetype": ("issuetype", ISSUE_TYPES),
    "type": ("issuetype", ISSUE_TYPES),
}
_TEXTS: Final = {
    name.lower(): field.id
    for field in FIELDS.values()
    if field.kind in (Kind.TEXT, Kind.TEXTAREA, Kind.URL)
    for name in clause_names(field)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a query is read against; ``strict`` refuses unknown keys (JIRA.md section 1)."""

    store: Store
    now_ms: int
    zone: str
    strict: bool = True


def compile_where(node: Node, asking: Asking) -> Test:
    """The test of a tree; raises ``JqlError`` for fields and values that do not exist."""
    match node:
        case Both(parts):
            tests = [compile_where(part, asking) for part in parts]
            return reduce(_both, tests)
        case Either(parts):
            tests = [compile_where(part, asking) for part in parts]
            return lambda ticket: any(test(ticket) for test in tests)
        case Negated(part):
            test = compile_where(part, asking)
            return lambda ticket: not test(ticket)
        case Clause():
            return _clause(node, asking)


def _both(first: Test, second: Test) -> Test:
    # Half the time of all() over a list, which counts when it runs over 50 000 tickets.
    return lambda ticket: first(ticket) and second(ticket)


def named_ids(node: Node | None, asking: Asking) -> frozenset[int] | None:
    """The only ids that can match where the query names them, so that they need no full scan."""
    if isinstance(node, Both):
        found = [ids for part in node.parts if (ids := named_ids(part, asking)) is not None]
        return frozenset.intersection(*found) if found else None
    if isinstance(node, Clause) and node.field.lower() in _KEY_FIELDS:
        return _ids(node, asking) if node.operator in ("=", "in") else None
    return None


def order_key(order: Order) -> Callable[[Ticket], int | str]:
    """The value tickets are ordered by; raises ``JqlError`` for a field that does not exist."""
    found = _ORDERS.get(order.field.lower())
    if found is None:
        raise _no_field(order.field)
    return found


def _clause(clause: Clause, asking: Asking) -> Test:
    name = clause.field.lower()
    made = _of_asking(name, clause, asking) or _of_value(name, clause)
    if made is None:
        raise _no_field(clause.field)
    return made


def _of_asking(name: str, clause: Clause, asking: Asking) -> Test | None:
    """Fields whose values depend on the site or the moment."""
    if name in _KEY_FIELDS:
        return _by_key(clause, asking)
    if name in _TIMES:
        return _by_time(clause, asking, _TIMES[name])
    if name == "project":
        return _by_project(clause, asking)
    if name in ("parent", "epic link", "cf[10014]"):
        return _by_parent(clause, asking)
    return None


def _of_value(name: str, clause: Clause) -> Test | None:
    """Fields that are compared as they stand."""
    if name in _NAMED:
        return _by_name(clause, *_NAMED[name])
    if name == "labels":
        return _by_label(clause)
    if name in _TEXTS:
        return _by_text(clause, _TEXTS[name])
    return None


def _no_field(name: str) -> JqlError:
    return JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")


def _no_value(value: str, field: str) -> JqlError:
    return JqlError(f"The value '{value}' does not exist for the field '{field}'.")


def _no_operator(clause: Clause) -> JqlError:
    return JqlError(
        f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
    )


def _by_key(clause: Clause, asking: Asking) -> Test:
    ids = _ids(clause, asking)
    if clause.operator in ("=", "in"):
        return lambda ticket: ticket.id in ids
    if clause.operator in ("!=", "not in"):
        return lambda ticket: ticket.id not in ids
    compare = _COMPARE.get(clause.operator)
    if compare is None:
        raise _no_operator(clause)
    found = [ticket for one in ids if (ticket := asking.store.by_id(one)) is not None]
    if clause.field.lower() == "id":
        return lambda ticket: any(compare(ticket.id, other.id) for other in found)
    return lambda ticket: any(
        ticket.project == other.project and compare(ticket.number, other.number) for other in found
    )


def _ids(clause: Clause, asking: Asking) -> frozenset[int]:
    found = set()
    for value in clause.values:
        if not _KEY.fullmatch(value.text) and not value.text.isdecimal():
            if asking.strict:
                raise JqlError(
                    f"The issue key '{value.text}' for field '{clause.field}' is invalid."
                )
            continue
        ticket = asking.store.find(value.text)
        if ticket is not None and ticket.visible:
            found.add(ticket.id)
        elif asking.strict:
            raise JqlError(
                f"An issue with key '{value.text}' does not exist for field '{clause.field}'."
            )
    return frozenset(found)


def _by_time(clause: Clause, asking: Asking, get: Callable[[Ticket], int]) -> Test:
    compare = _COMPARE.get(clause.operator)
    if compare is None:
        raise _no_operator(clause)
    limit = moment_ms(clause.values[0], field=clause.field, now_ms=asking.now_ms, zone=asking.zone)
    return lambda ticket: compare(get(ticket), limit)


def _by_project(clause: Clause, asking: Asking) -> Test:
    names = {
        name.lower(): project.key
        for project in asking.store.projects.values()
        if not project.hidden
        for name in (project.key, project.name, str(project.id))
    }
    wanted = _known(clause, names)
    return _membership(clause, lambda ticket: ticket.project.key, wanted)


def _by_name(clause: Clause, field: str, known: Iterable[str]) -> Test:
    wanted = _known(clause, {name.lower(): name for name in known} | {"empty": ""})
    return _membership(clause, lambda ticket: (ticket.fields.get(field) or _UNSET)["name"], wanted)


def _by_label(clause: Clause) -> Test:
    if clause.operator in ("is", "is not"):
        return lambda ticket: bool(ticket.fields.get("labels")) is (clause.operator == "is not")
    wanted = {value.text for value in clause.values}
    if clause.operator in ("=", "in"):
        return lambda ticket: not wanted.isdisjoint(ticket.fields.get("labels", ()))
    if clause.operator in ("!=", "not in"):
        return lambda ticket: wanted.isdisjoint(ticket.fields.get("labels", ()))
    raise _no_operator(clause)


def _by_parent(clause: Clause, asking: Asking) -> Test:
    ids = _ids(clause, asking)
    keys = {value.text.upper() for value in clause.values}
    if clause.operator not in ("=", "in"):
        raise _no_operator(clause)
    return lambda ticket: ticket.parent_id in ids or ticket.fields.get(FIELD_EPIC_LINK) in keys


def _by_text(clause: Clause, field: str) -> Test:
    wanted = clause.values[0].text.lower()
    match clause.operator:
        case "~":
            return lambda ticket: wanted in str(ticket.fields.get(field, "")).lower()
        case "!~":
            return lambda ticket: wanted not in str(ticket.fields.get(field, "")).lower()
        case "is" | "is not":
            return lambda ticket: bool(ticket.fields.get(field)) is (clause.operator == "is not")
        case _:
            raise _no_operator(clause)


def _known(clause: Clause, names: dict[str, str]) -> frozenset[str]:
    for value in clause.values:
        if value.text.lower() not in names:
            raise _no_value(value.text, clause.field)
    return frozenset(names[value.text.lower()] for value in clause.values)


def _membership(clause: Clause, get: Callable[[Ticket], str], wanted: frozenset[str]) -> Test:
    if clause.operator in ("=", "in", "is"):
        return lambda ticket: get(ticket) in wanted
    if clause.operator in ("!=", "not in", "is not"):
        return lambda ticket: get(ticket) not in wanted
    raise _no_operator(clause)


_UNSET: Final = {"name": ""}
_TIMES: Final[dict[str, Callable[[Ticket], int]]] = {
    "updated": lambda ticket: ticket.updated_ms,
    "updateddate": lambda ticket: ticket.updated_ms,
    "created": lambda ticket: ticket.created_ms,
    "createddate": lambda ticket: ticket.created_ms,
}


def _key_order(ticket: Ticket) -> str:
    return f"{ticket.project.key}-{ticket.number:012d}"


_ORDERS: Final[dict[str, Callable[[Ticket], int | str]]] = {
    **_TIMES,
    "id": lambda ticket: ticket.id,
    "key": _key_order,
    "issuekey": _key_order,
    "issue": _key_order,
    "project": lambda ticket: ticket.project.key,
    "summary": lambda ticket: str(ticket.fields.get("summary", "")),
    "status": lambda ticket: str(ticket.fields["status"]["id"]),
    "issuetype": lambda ticket: ticket.type_name,
    # JQL orders priorities from the least to the most urgent.
    "priority": lambda ticket: -int((ticket.fields.get("priority") or {"id": "9"})["id"]),
}
