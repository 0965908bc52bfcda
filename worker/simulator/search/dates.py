"""Dates in JQL: minutes in the account's time zone, periods, and epoch milliseconds."""

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from worker.simulator.search.jql import JqlError, Operand

_FORMATS: Final = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
_PERIOD: Final = re.compile(r"[+-]?(?:\d+[wdhm]\s*)+", re.ASCII)
_UNIT_MS: Final = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000}


def moment_ms(operand: Operand, *, field: str, now_ms: int, zone: str) -> int:
    """The epoch milliseconds an operand means; raises ``JqlError`` as Jira does."""
    text = operand.text.strip()
    if not operand.quoted and text.isdecimal():
        return int(text)
    if _PERIOD.fullmatch(text):
        span = sum(int(n) * _UNIT_MS[unit] for n, unit in re.findall(r"(\d+)([wdhm])", text))
        return now_ms - span if text.startswith("-") else now_ms + span
    for form in _FORMATS:
        try:
            naive = datetime.strptime(text, form)  # noqa: DTZ007  the zone is added in the next line
        except ValueError:
            continue
        return int(naive.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    raise JqlError(
        f"Date value '{text}' for field '{field}' is invalid. Valid formats include: "
        "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', "
        "or a period format e.g. '-5d', '4w 2d'."
    )
