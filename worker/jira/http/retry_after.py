"""How long Jira asks us to wait, in all the forms it uses."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 7200.0
"""Seconds. Jira's longest limit resets on the hour; a longer wait is a mistake."""

_STRUCTURED = re.compile(r";\s*r=0\b.*?;\s*t=([0-9]{1,9})")
_EPOCH = 1_000_000_000


def retry_after_seconds(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The minimum seconds to wait, or None if no header says it. Never raises.

    ``Retry-After`` (seconds, a fraction, an HTTP date) comes first; ``X-RateLimit-Reset`` (ISO
    8601, with or without seconds, or epoch seconds) is used if that is absent, or if it is later
    and the limit is an hourly quota; then ``RateLimit``. ``headers`` must ignore case.
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
    """Seconds from now until the moment that the text names, also as epoch seconds."""
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
