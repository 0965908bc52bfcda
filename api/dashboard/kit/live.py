"""Parts of pages that refresh themselves: rendered alone, and only where something changed.

A page ``tasks`` is the template ``tasks.html``, which includes ``tasks_live.html`` in an element
``data-live``. The script asks for the page's own address with ``PART`` and the tag it has; the
answer is the part, or 304. The part must hold no CSRF token: that would be new each time.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from flask import Response, make_response, render_template, request
from sqlalchemy.orm import Session

from api.auth.sessions import may_act
from api.dashboard.kit.layout import show
from api.runtime import transaction
from shared.database import freshness
from shared.database.freshness import Topic

PART = "Routecard-Part"
_MODIFIED = 200
_UNMODIFIED = 304
# How long ago something was is told anew by the script, each second, from the moment itself.
_TOLD = re.compile(r"(<time[^>]* data-relative>)[^<]*")


def show_live(
    page: str, *topics: Topic, read: Callable[[Session], dict[str, Any]], **context: Any
) -> Response:
    """A page whose part changes with these topics; ``read`` gets what both templates show."""
    with transaction() as session:
        if PART not in request.headers:
            return show(page, **context, **read(session))
        sign = freshness.sign(session, topics)
        if sign.settled and _known().startswith(_stamp(sign.text)):
            return _unchanged(_known())
        part = render_template(f"{page}_live.html", **context, **read(session))
    return _answer(part, stamp=_stamp(sign.text))


def _answer(part: str, *, stamp: str) -> Response:
    digest = _hash(_TOLD.sub(r"\1", part))
    tag = stamp + digest
    if _known()[len(stamp) :] == digest:
        return _unchanged(tag)
    answer = make_response(part, _MODIFIED)
    answer.headers["ETag"] = f'W/"{tag}"'
    return answer


def _unchanged(tag: str) -> Response:
    answer = make_response("", _UNMODIFIED)
    answer.headers["ETag"] = f'W/"{tag}"'
    return answer


def _known() -> str:
    """The tag that the script has, without its wrapping."""
    return request.headers.get("If-None-Match", "").removeprefix("W/").strip('"')


def _stamp(sign: str) -> str:
    """The first half of a tag: what is shown, to whom, and how new it can be."""
    return _hash(f"{request.full_path}\n{may_act()}\n{sign}") + "."


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
