"""Formats of times, durations and numbers on pages."""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTH = 30 * _DAY
_SOON = 5


def moment(at: datetime) -> str:
    """An instant to the second, with its zone: ``2024-01-15 10:30:00 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def relative(at: datetime, *, now: datetime) -> str:
    """``just now``, ``3 min ago``, ``in 2 h``; the date if it is 30 days or more away."""
    seconds = (now - at).total_seconds()
    size = abs(seconds)
    if size < _SOON:
        return "just now"
    if size >= _MONTH:
        return at.astimezone(UTC).strftime("%Y-%m-%d")
    text = _largest(size)
    return f"{text} ago" if seconds > 0 else f"in {text}"


def _largest(seconds: float) -> str:
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def duration(seconds: float | None) -> str:
    """A length of time by its two largest units: ``320 ms``, ``4.2 s``, ``3 min 20 s``."""
    if seconds is None:
        return "\u2013"
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    units = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
    at = next(i for i, (size, _) in enumerate(units) if seconds >= size)
    (large, name), (small, rest) = units[at], units[at + 1]
    left = int(seconds % large // small)
    return f"{int(seconds // large)} {name}" + (f" {left} {rest}" if left else "")


def number(value: int) -> str:
    """With a thin space between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def counted(value: int, unit: str) -> str:
    """``1 task``, ``1 234 tasks``."""
    return f"{number(value)} {unit if value == 1 else several(unit)}"


def several(unit: str) -> str:
    """The plural of an English noun that is regular."""
    return unit[:-1] + "ies" if unit.endswith("y") and unit[-2] not in "aeiou" else f"{unit}s"


FILTERS = (moment, relative, duration, number, counted)
"""The functions that templates use as filters, each by its own name."""
