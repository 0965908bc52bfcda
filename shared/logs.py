"""Structured logs: constant event names with fields, JSON in production, no secrets."""

import logging
import sys
from typing import Any

import structlog

from shared.printable import printable

_SECRET_WORDS = ("authorization", "token_value", "secret", "password", "signature", "cookie")

# They log at INFO every second, even when idle, so they are shown at DEBUG only.
_NOISY = (
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "alembic.runtime.migration",
)


def setup_logs(*, fmt: str = "json", level: str = "INFO") -> None:
    """Send structlog and the standard library's loggers to stderr in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    render: Any = (
        structlog.processors.JSONRenderer()
        if fmt == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=28)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _escape,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    quiet = logging.DEBUG if level == "DEBUG" else max(logging.WARNING, root.level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(quiet)


def get_logger(name: str) -> Any:
    """A logger; its methods take a constant event name, and fields as keyword arguments."""
    return structlog.stdlib.get_logger(name)


def _escape(_logger: Any, _method: str, event: Any) -> Any:
    """No name, ticket or request steers the terminal or begins a line of its own.

    A traceback keeps its lines.
    """
    for key, value in event.items():
        if isinstance(value, str):
            lines = value.split("\n") if key == "exception" else [value]
            event[key] = "\n".join(printable(line) for line in lines)
    return event


def _hide_secrets(_logger: Any, _method: str, event: Any) -> Any:
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "[hidden]"
    return event
