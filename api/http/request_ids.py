"""Request ids, in every answer and log line: the client's own if it is valid, or a new one."""

import re
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@~-]{0,127}")


def register(app: Flask) -> None:
    """Give every request of this application its id."""
    app.before_request(_begin)
    app.after_request(_add_header)
    app.teardown_request(_end)


def request_id() -> str:
    """The id of the request that is served."""
    return str(g.request_id)


def _begin() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if _VALID.fullmatch(sent) else uuid4().hex
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _add_header(answer: Response) -> Response:
    answer.headers[HEADER] = g.request_id
    return answer


def _end(_error: BaseException | None) -> None:
    structlog.contextvars.unbind_contextvars("request_id")
