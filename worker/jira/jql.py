"""Parts of JQL, with every name quoted: a key may be a reserved word, such as IN-1 or ORDER."""

from collections.abc import Iterable


def quoted(text: str) -> str:
    """A text as a JQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def in_projects(projects: Iterable[str]) -> str:
    """The clause for issues of these projects, by key or name."""
    return f"project in ({', '.join(map(quoted, projects))})"


def in_keys(names: Iterable[str]) -> str:
    """The clause for issues of these keys and ids. A quoted number would be taken for a key."""
    return f"key in ({','.join(map(key_operand, names))})"


def key_operand(name: str) -> str:
    """A key or an id as it stands in ``in_keys``."""
    return name if name.isdecimal() else quoted(name)
