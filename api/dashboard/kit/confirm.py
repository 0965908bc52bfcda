"""Asking before something is done to many: how many, which, and what is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response

from api.dashboard.kit.layout import render_page

SAMPLE = 8
"""Rows that are shown of what will change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a form will do once it is sent. ``hidden`` fields and a ``reason`` go to ``action``.

    ``sample`` are rows of texts, the first of each a key or id; ``total`` is how many would
    change, and with none the form cannot be sent.
    """

    title: str
    question: str
    verb: str
    action: str
    back: str
    total: int
    hidden: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    sample: Sequence[Sequence[str | None]] = ()
    danger: bool = False


def ask(wanted: Confirmation) -> Response:
    """The page that asks."""
    return render_page(
        "confirm",
        title=wanted.title,
        question=wanted.question,
        verb=wanted.verb,
        action=wanted.action,
        back=wanted.back,
        possible=wanted.total > 0,
        hidden=wanted.hidden,
        notes=wanted.notes,
        sample=wanted.sample,
        more=wanted.total - len(wanted.sample) if wanted.sample else 0,
        danger=wanted.danger,
    )
