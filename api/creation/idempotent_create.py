"""Calls that create: one transaction, whose answer is kept under the caller's idempotency key."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from flask import Response, request
from pydantic import BeforeValidator, Field, WithJsonSchema
from sqlalchemy.orm import Session

from api.auth import scopes
from api.http import json_body
from api.http.responses import JSON
from api.runtime import in_transaction, notify
from api.schemas.fields import Headers, wrong
from shared.jobs import idempotency
from shared.jobs.idempotency import MAX_KEY, KeptAnswer, Use

REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY}}}")
_KEPT_HEADERS = ("Location", "ETag")


def _visible(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise wrong(f"must be 1 to {MAX_KEY} visible ASCII characters")
    return value


Key = Annotated[
    str,
    BeforeValidator(_visible),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[\\x21-\\x7e]+$"}
    ),
]


class CreateHeaders(Headers):
    """Headers of every call that creates."""

    idempotency_key: Key | None = Field(
        None,
        alias="Idempotency-Key",
        description="The same key and body give the first answer again for 24 h, marked "
        f"`{REPLAYED}: true`; with another body: 422. Failures are not kept.",
    )


@dataclass(frozen=True, slots=True)
class CreateResult:
    """The answer of a transaction that creates; ``due``: workers have something to do."""

    answer: Response
    due: bool = False


def create_once(header: CreateHeaders, work: Callable[[Session], CreateResult]) -> Response:
    """Run ``work`` in one transaction, once for each idempotency key; then notify the workers."""
    key = header.idempotency_key
    if key is None:
        return _notified(in_transaction(work))
    use = Use(
        credential=scopes.credential().id,
        method=request.method,
        path=request.path,
        key=key,
        fingerprint=_fingerprint(),
    )
    return _notified(in_transaction(lambda session: _once(session, use, work)))


def _once(session: Session, use: Use, work: Callable[[Session], CreateResult]) -> CreateResult:
    before = idempotency.claim(session, use)
    if before is not None:
        headers = {**before.headers, REPLAYED: "true"}
        return CreateResult(Response(before.body, before.status, headers, mimetype=JSON))
    result = work(session)
    idempotency.keep(session, use, _kept(result.answer))
    return result


def _kept(answer: Response) -> KeptAnswer:
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    return KeptAnswer(answer.status_code, headers, answer.get_data())


def _notified(result: CreateResult) -> Response:
    if result.due:
        notify()
    return result.answer


def _fingerprint() -> bytes:
    """A hash of the body's content, whatever its white space and the order of its members."""
    canonical = json.dumps(json_body.current(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()
