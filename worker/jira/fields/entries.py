"""The settings JIRA_FIELD_…: a list of fields, each for all projects or for one."""

import re
from dataclasses import dataclass

_ENTRY = re.compile(
    r"""\s*(?:(?P<project>[A-Za-z0-9][A-Za-z0-9_-]*)\s*=\s*)?+
    (?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>(?!")[^,]*?))\s*(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A field's id or name; ``project`` is the key of the only project it is for."""

    field: str
    project: str | None = None


class EntryError(ValueError):
    """The setting cannot be read; the message says where."""


def entries_of(text: str) -> tuple[Entry, ...]:
    """The entries of ``PI=customfield_1, TL="Part, Rev", Part Number``, in order.

    A name that holds a comma or an equals sign is put into double quotes, a double quote in it is
    doubled. Raises EntryError.
    """
    found: list[Entry] = []
    place = 0
    while place < len(text):
        match = _ENTRY.match(text, place)
        if match is None:
            raise EntryError(f"cannot read {text[place:].strip()!r}: is a quote not closed?")
        quoted = match["quoted"]
        field = (match["bare"] if quoted is None else quoted.replace('""', '"')).strip()
        if not field and match["project"]:
            raise EntryError(f"{match['project']}= names no field")
        if field:
            project = match["project"]
            found.append(Entry(field, project.upper() if project else None))
        place = match.end()
    return tuple(dict.fromkeys(found))
