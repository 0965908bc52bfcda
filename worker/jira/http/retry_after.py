"""How long Jira asks us to wait, in every form it has been seen to say so."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 7200.0
"""Seconds. Jira's longest limit resets on the hour; a longer wait is a mistake or a lie."""

_STRUCTURED = re.compile(r";\s*r=0\b.*?;\s*t=([0-9]{1,9})")
_EPOCH = 1_000_000_000


def wait_asked(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds to wait at least, or None where no header says it. Never raises.

    ``Retry-After`` (seconds, a fraction, an HTTP date) comes first; ``X-RateLimit-Reset`` (ISO
    8601, with or without seconds, or epoch seconds) where that is absent, or later and the limit
    is an hourly quota; last the structured ``RateLimit``. ``headers`` must ignore case.
    """
    after = _seconds(headers.get("Retry-After", ""), now=now)
    reset = _until(headers.get("X-RateLimit-Reset", ""), now=now)
    if headers.get("RateLimit-Reason", "").startswith("jira-quota") and reset is not None:
        return max(after or 0.0, reset)
    if after is not None:
        return after
    return reset if reset is not None else _structured(headers.get("RateLimit", ""))


def _seconds(text: str, *, now: datetime) -> float | None:
    number = _number(text)
    return _bounded(number) if number is not None else _until(text, now=now)


def _until(text: str, *, now: datetime) -> float | None:
    """Seconds from now to the moment the text names; epoch seconds count as a moment."""
    number = _number(text)
    if number is not None:
        return _bounded(number - now.timestamp()) if number > _EPOCH else _bounded(number)
    moment = _moment(text.strip())
    return None if moment is None else _bounded((moment - now).total_seconds())


def _moment(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _structured(text: str) -> float | None:
    match = _STRUCTURED.search(text)
    return _bounded(float(match.group(1))) if match else None
