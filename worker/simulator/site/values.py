"""Values that a client writes into fields, converted to what Jira returns when they are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from worker.simulator.site.adf import from_adf
from worker.simulator.site.fields import FIELDS, Kind
from worker.simulator.site.site import PEOPLE, PRIORITIES, Site

_CANNOT_SET: Final = "Field '{0}' cannot be set. It is not on the appropriate screen, or unknown."


@dataclass(eq=False, repr=False)
class BadValueError(ValueError):
    """Values Jira refuses, by field id: the ``errors`` of its 400."""

    errors: Mapping[str, str]


def read_fields(site: Site, written: Mapping[str, Any]) -> dict[str, Any]:
    """The stored values of all written fields except ``parent``; ``None`` unsets a field.

    Options, priorities and people may also be given as plain strings, which keeps scripts short.
    Raises ``BadValueError`` with a text for each field that cannot be set.
    """
    made: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in written.items():
        field = FIELDS.get(name)
        if field is None or not field.editable:
            errors[name] = _CANNOT_SET.format(name)
            continue
        try:
            made[name] = None if value is None else _READERS[field.kind](site, value)
        except (ValueError, TypeError, LookupError, AttributeError):
            errors[name] = f"Specify a valid value for {field.name}"
    if errors:
        raise BadValueError(errors)
    return made


def _text(_site: Site, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _rich(_site: Site, value: Any) -> str:
    return value if isinstance(value, str) else from_adf(value)


def _number(_site: Site, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _name_of(value: Any, member: str) -> str:
    return str(value[member] if isinstance(value, Mapping) else value)


def _priority(site: Site, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping) and "name" not in value:
        return site.priority(PRIORITIES[int(value["id"]) - 1])
    return site.priority(_name_of(value, "name"))


def _option(site: Site, value: Any) -> dict[str, Any]:
    return site.option(_name_of(value, "value"))


def _cascading(site: Site, value: Any) -> dict[str, Any]:
    child = value.get("child") if isinstance(value, Mapping) else None
    return site.option(
        _name_of(value, "value"), child=_name_of(child, "value") if child is not None else None
    )


def _user(site: Site, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        given = value.get("accountId") or value.get("name")
        for user in map(site.user, PEOPLE):
            if given == (user.get("accountId") or user.get("name")):
                return user
        raise LookupError(given)
    return site.user(str(value))


def _assets(_site: Site, value: Any) -> list[Any]:
    """Objects as the REST API returns them: ids alone, without a text."""
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise TypeError
    return [dict(one) for one in value]


def _labels(_site: Site, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise TypeError
    if any(" " in label for label in value):
        raise ValueError("labels hold no spaces")
    return list(value)


def _list(one: Callable[[Site, Any], Any]) -> Callable[[Site, Any], list[Any]]:
    return lambda site, value: [one(site, item) for item in list(value)]


def _version(site: Site, value: Any) -> dict[str, Any]:
    return site.version(_name_of(value, "name"))


_READERS: Final[dict[Kind, Callable[[Site, Any], Any]]] = {
    Kind.TEXT: _text,
    Kind.URL: _text,
    Kind.TEXTAREA: _rich,
    Kind.NUMBER: _number,
    Kind.SELECT: _option,
    Kind.MULTISELECT: _list(_option),
    Kind.CASCADING: _cascading,
    Kind.USER: _user,
    Kind.LABELS: _labels,
    Kind.VERSION: _version,
    Kind.VERSIONS: _list(_version),
    Kind.DATE: _text,
    Kind.DATETIME: _text,
    Kind.EPIC_LINK: _text,
    Kind.ASSETS: _assets,
    Kind.PRIORITY: _priority,
    Kind.STATUS: lambda site, value: site.status(_name_of(value, "name")),
    Kind.ISSUETYPE: lambda site, value: site.issue_type(_name_of(value, "name")),
}
