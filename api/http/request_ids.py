"""A request's identity: taken from the client if sane, else made; on every answer and log line."""

import re
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@~-]{0,127}")


def register(app: Flask) -> None:
    """Give every request of this application its identity."""
    app.before_request(_begin)
    app.after_request(_name)
    app.teardown_request(_end)


def request_id() -> str:
    """The identity of the request being served."""
    return str(g.request_id)


def _begin() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if _SANE.fullmatch(sent) else uuid4().hex
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _name(answer: Response) -> Response:
    answer.headers[HEADER] = g.request_id
    return answer


def _end(_error: BaseException | None) -> None:
    structlog.contextvars.unbind_contextvars("request_id")
