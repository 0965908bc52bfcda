"""Geometry of the chart that a template draws as SVG: numbers and texts only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.clock import iso_millis
from shared.sync.summary import Minute

WIDTH, HEIGHT = 720, 150
"""Size of the drawing in its own units; the page scales it."""
_LEFT, _BOTTOM, _TOP = 44, 24, 10
_TICKS_EVERY = 10


class Bar(NamedTuple):
    """The column of one minute: its position, and the heights of its two parts."""

    x: float
    width: float
    filled_y: float
    filled_height: float
    failed_y: float
    failed_height: float
    title: str


class Tick(NamedTuple):
    """A label on an axis."""

    at: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws, and the same as a text for screen readers."""

    bars: list[Bar]
    minutes: list[Tick]
    levels: list[Tick]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM


def per_minute(minutes: Sequence[Minute]) -> Chart:
    """Filled and failed in each minute, stacked."""
    top = round_up(max((m.filled + m.failed for m in minutes), default=0))
    step = (WIDTH - _LEFT) / max(1, len(minutes))
    return Chart(
        bars=[_bar(m, x=_LEFT + i * step, step=step, top=top) for i, m in enumerate(minutes)],
        minutes=[
            Tick(_LEFT + (i + 0.5) * step, m.at.strftime("%H:%M"))
            for i, m in enumerate(minutes)
            if m.at.minute % _TICKS_EVERY == 0
        ],
        levels=[Tick(_height(0, top), "0"), *_levels(top)],
        summary=_summary(minutes),
    )


def round_up(value: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100, …: half of it is a whole number too."""
    size = 1
    while True:
        for first in (2, 4, 10):
            if value <= first * size:
                return first * size
        size *= 10


def _levels(top: int) -> list[Tick]:
    return [Tick(_height(level, top), short(level)) for level in (top // 2, top)]


def short(value: int) -> str:
    """A short form for an axis: ``950``, ``2k``, ``1.5M``."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return str(value)


def _height(value: float, top: int) -> float:
    room = HEIGHT - _BOTTOM - _TOP
    return round(_TOP + room * (1 - value / top), 2)


def _bar(minute: Minute, *, x: float, step: float, top: int) -> Bar:
    base = _height(0, top)
    filled = _height(minute.filled, top)
    both = _height(minute.filled + minute.failed, top)
    return Bar(
        x=round(x + step * 0.12, 2),
        width=round(step * 0.76, 2),
        filled_y=filled,
        filled_height=round(base - filled, 2),
        failed_y=both,
        failed_height=round(filled - both, 2),
        title=f"{minute.at:%H:%M} UTC: {minute.filled} filled, {minute.failed} failed",
    )


def _summary(minutes: Sequence[Minute]) -> str:
    filled, failed = sum(m.filled for m in minutes), sum(m.failed for m in minutes)
    if not filled and not failed:
        return "Nothing was filled and nothing failed in the last hour."
    busiest = max(minutes, key=lambda m: m.filled + m.failed)
    return (
        f"In the last hour {filled} filled and {failed} failed; most in the minute "
        f"from {busiest.at:%H:%M} UTC: {busiest.filled} filled, {busiest.failed} failed."
    )


def rows(minutes: Sequence[Minute]) -> list[tuple[str, str, int, int]]:
    """The same as a table, without empty minutes."""
    return [
        (iso_millis(m.at), f"{m.at:%H:%M}", m.filled, m.failed)
        for m in minutes
        if m.filled or m.failed
    ]
