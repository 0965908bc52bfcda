"""Parts of pages that refresh themselves: sent again only if they differ from what was sent.

A page ``tasks`` is the template ``tasks.html``, which includes ``tasks_live.html`` in an element
``data-live``. The script asks for the page's own address with the header ``PART`` and the entity
tag of the part that it shows; the answer is the part alone, or 304. A part must not contain a
CSRF token, as each token is new and the part would never be the same.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from flask import Response, make_response, render_template, request
from sqlalchemy.orm import Session

from api.dashboard.kit.layout import render_page
from api.runtime import transaction

PART = "Routecard-Part"
# The script itself updates the text of relative times every second.
_RELATIVE_TIME = re.compile(r"(<time[^>]* data-relative>)[^<]*")


def show_live(page: str, read: Callable[[Session], dict[str, Any]], **context: Any) -> Response:
    """A page with a part that refreshes itself; ``read`` gets what both templates show."""
    with transaction() as session:
        values = {**context, **read(session)}
    if PART not in request.headers:
        return render_page(page, **values)
    part = render_template(f"{page}_live.html", **values)
    answer = make_response(part)
    content = _RELATIVE_TIME.sub(r"\1", part)
    answer.set_etag(hashlib.sha256(content.encode()).hexdigest()[:32], weak=True)
    return answer.make_conditional(request)  # type: ignore[return-value]  # it is this answer
