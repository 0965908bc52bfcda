"""Jira's callbacks: proven first, stored, and left to the worker."""

import hashlib
import re
from http import HTTPMethod

from flask import Response, request
from pydantic_core import PydanticCustomError
from sqlalchemy.exc import InterfaceError, OperationalError

from api.auth.scopes import Unscoped
from api.http.refusals import BodyTooLargeError, NotReadyError, UnauthenticatedError
from api.http.request_ids import request_id
from api.http.responses import json_answer
from api.rest.resource import Resource
from api.runtime import current_runtime, in_transaction
from api.schemas.fields import issue_key
from api.schemas.webhooks import Receipt
from api.webhooks.read_body import BODY_BYTES, Proven, intake_limit, read_body
from api.webhooks.rejections import Rejections
from shared.broker.wakeups import Wakeup
from shared.errors import DatabaseUnavailableError
from shared.settings import Settings
from shared.states import RejectionReason
from shared.webhooks import inbox
from shared.webhooks.inbox import ReceivedDelivery
from shared.webhooks.signatures import Verifier, parse_signature, token_proves

resource = Resource("webhooks", prefix="/api/webhooks", about="Jira's callbacks.")

SIGNATURE = "X-Hub-Signature"
TOKEN = "X-Routecard-Token"  # noqa: S105  a header's name
_WORDS = {
    RejectionReason.NOT_CONFIGURED: "Neither JIRA_WEBHOOK_SECRET nor a token is set here",
    RejectionReason.NO_PROOF: f"A webhook needs a signature in {SIGNATURE}, or a token",
    RejectionReason.MALFORMED_SIGNATURE: f"{SIGNATURE} must be sha256= and 64 hexadecimal digits",
    RejectionReason.WRONG_SIGNATURE: "The signature is not that of this body by our secret",
    RejectionReason.WRONG_TOKEN: "The token is not ours",
    RejectionReason.EMPTY_BODY: "The signature of an empty body proves nothing: send a token",
}
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,255}")
_DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
_RETRY = re.compile(r"[0-9]{1,4}", re.ASCII)
_FLOWS = {"Primary", "Secondary"}


class Unproven(UnauthenticatedError):  # noqa: N818  says what the request is
    """No proof of origin; counted by its reason."""

    def __init__(self, reason: RejectionReason) -> None:
        super().__init__(_WORDS[reason])
        self.reason = reason


@resource.route(
    HTTPMethod.POST,
    "/jira",
    access=Unscoped.SIGNED_BY_JIRA,
    answers={200: Receipt, 202: Receipt},
    refusals=(401, 413, 503),
)
def receive() -> Response:
    """Receive one webhook of Jira.

    The body is Jira's, up to 25 MiB, signed in `X-Hub-Signature` (`sha256=` and the HMAC over the
    raw body). Senders that cannot sign prove themselves by a token in `X-Routecard-Token` or in
    the query parameter `token`; their body is a hint only, and may be empty where the query
    parameter `key` names the ticket. 202: stored; 200: seen before.
    """
    rejections = current_runtime().singleton(Rejections)
    try:
        arrival = _proven_arrival(current_runtime().settings)
    except Unproven as refusal:
        rejections.count(refusal.reason)
        raise
    except BodyTooLargeError:
        rejections.count(RejectionReason.TOO_LARGE)
        raise
    except NotReadyError:
        rejections.count(RejectionReason.BUSY)
        raise
    return _stored(arrival)


def _proven_arrival(settings: Settings) -> ReceivedDelivery:
    """What came, once its origin is proven. The body is read only where a proof may be in it."""
    secrets = _secrets(settings)
    by_token = _judge_token(settings)
    digest = _judge_signature(secrets, by_token=by_token)
    length = request.content_length
    if length is not None and length > BODY_BYTES:
        raise BodyTooLargeError(BODY_BYTES)
    with current_runtime().singleton(intake_limit).taken(length):
        proven = read_body(Verifier(secrets), digest, clock=current_runtime().clock)
    if digest is not None and not proven.signed:
        raise Unproven(RejectionReason.WRONG_SIGNATURE)
    if not proven.content and not by_token:
        raise Unproven(RejectionReason.EMPTY_BODY)
    return _arrival(Proven(proven.content, signed=proven.signed and bool(proven.content)))


def _secrets(settings: Settings) -> list[str]:
    known = (settings.jira_webhook_secret, settings.jira_webhook_secret_previous)
    return [text for secret in known if secret and (text := secret.get_secret_value())]


def _judge_token(settings: Settings) -> bool:
    """Whether a token came and is ours; a wrong one is refused whatever else came with it."""
    token = request.headers.get(TOKEN) or request.args.get("token")
    if not token:
        return False
    if not token_proves(token, expected_hash=settings.jira_webhook_token_hash):
        raise Unproven(RejectionReason.WRONG_TOKEN)
    return True


def _judge_signature(secrets: list[str], *, by_token: bool) -> bytes | None:
    """The digest to hold the body against; None where the token alone has to do."""
    header = request.headers.get(SIGNATURE)
    if header is None:
        if not by_token:
            raise Unproven(RejectionReason.NO_PROOF if secrets else RejectionReason.NOT_CONFIGURED)
        return None
    digest = parse_signature(header)
    if digest is None:
        raise Unproven(RejectionReason.MALFORMED_SIGNATURE)
    if not secrets:
        raise Unproven(RejectionReason.NOT_CONFIGURED)
    return digest


def _arrival(proven: Proven) -> ReceivedDelivery:
    retry = request.headers.get("X-Atlassian-Webhook-Retry", "")
    flow = request.headers.get("X-Atlassian-Webhook-Flow", "")
    issue_id = request.args.get("issueId", "")
    key = _key()
    return ReceivedDelivery(
        identifier=_identifier(proven, key),
        signed=proven.signed,
        body=proven.content,
        ticket_key=key,
        issue_id=issue_id if _DIGITS.fullmatch(issue_id) else None,
        retry=int(retry) if _RETRY.fullmatch(retry) else None,
        flow=flow if flow in _FLOWS else None,
        request_id=request_id(),
    )


def _key() -> str | None:
    """The ticket's key that Jira put into the address, where it did."""
    try:
        return issue_key(request.args.get("key", ""))
    except PydanticCustomError:
        return None


def _identifier(proven: Proven, key: str | None) -> str:
    """Jira Cloud's own, else one made of what came.

    A signed body says when it was written, so its hash is as good. One that only a token proves
    may say the same twice and mean it: it is the same only within a second.
    """
    sent = request.headers.get("X-Atlassian-Webhook-Identifier", "")
    if _IDENTIFIER.fullmatch(sent):
        return sent
    made = f"sha256:{hashlib.sha256(proven.content).hexdigest()}"
    if proven.signed:
        return made
    second = int(current_runtime().clock.now().timestamp())
    return f"{made}:{key or ''}:{second}"


def _stored(arrival: ReceivedDelivery) -> Response:
    """Store it and answer. Whatever keeps the database from it, Jira shall send it again: 503."""
    try:
        receipt = in_transaction(lambda session: inbox.store(session, arrival))
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailableError("The database cannot store this now") from error
    if receipt.fresh:
        current_runtime().notifier.notify(Wakeup.DELIVERIES)
    return json_answer({"id": receipt.delivery_id}, status=202 if receipt.fresh else 200)
