"""Atlassian Document Format to plain text."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

DEEPEST = 60
"""Levels of nesting that are read; Jira's own editor uses a fraction of that."""

_LINES = {"doc", "blockquote", "panel", "expand", "nestedExpand", "bulletList", "orderedList"}
_LINES |= {"layoutSection", "layoutColumn", "table", "taskList", "decisionList", "listItem"}
_LINES |= {"tableCell", "tableHeader"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_adf(value: Mapping[str, Any]) -> bool:
    """Whether this JSON object is a document in Atlassian's format."""
    return value.get("type") == "doc" and isinstance(value.get("content"), list)


def text_of(document: Mapping[str, Any]) -> str:
    """The document's text: one line per block, ``- `` before list items, `` | `` between cells."""
    return _node(document, 0).strip()


def _node(node: object, depth: int) -> str:
    if not isinstance(node, Mapping) or depth > DEEPEST:
        return ""
    kind = str(node.get("type", ""))
    leaf = _LEAVES.get(kind)
    if leaf is not None:
        return leaf(node)
    content = node.get("content")
    parts = [_node(child, depth + 1) for child in content] if isinstance(content, list) else []
    return _joined(kind, parts)


def _joined(kind: str, parts: list[str]) -> str:
    if kind in {"bulletList", "taskList", "decisionList"}:
        return "\n".join(f"- {part}" for part in parts if part)
    if kind == "orderedList":
        return "\n".join(f"{number}. {part}" for number, part in enumerate(parts, start=1))
    if kind == "tableRow":
        return " | ".join(parts)
    return ("\n" if kind in _LINES else "").join(part for part in parts if part)


def _attribute(*names: str) -> Callable[[Mapping[str, Any]], str]:
    def leaf(node: Mapping[str, Any]) -> str:
        attributes = node.get("attrs")
        known = attributes if isinstance(attributes, Mapping) else {}
        return next((str(known[name]) for name in names if known.get(name)), "")

    return leaf


def _date(node: Mapping[str, Any]) -> str:
    """Dates are epoch milliseconds at midnight UTC."""
    stamp = _attribute("timestamp")(node)
    try:
        return (_EPOCH + timedelta(milliseconds=int(stamp))).date().isoformat()
    except (ValueError, OverflowError):
        return stamp


def _text(node: Mapping[str, Any]) -> str:
    return str(node.get("text") or "")


_LEAVES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _text,
    "hardBreak": lambda _node: "\n",
    "mention": _attribute("text", "id"),
    "emoji": _attribute("text", "shortName"),
    "inlineCard": _attribute("url"),
    "blockCard": _attribute("url"),
    "embedCard": _attribute("url"),
    "status": _attribute("text"),
    "date": _date,
}
