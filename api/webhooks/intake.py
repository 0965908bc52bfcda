"""Turns a request of Jira into a delivery once its origin is proven; counts what it rejects."""

import hashlib
import re

from flask import request
from pydantic_core import PydanticCustomError

from api.http.refusals import BodyTooLargeError, NotReadyError, UnauthenticatedError
from api.http.request_ids import request_id
from api.runtime import current_runtime
from api.schemas.fields import issue_key
from api.webhooks.read_body import BODY_BYTES, Body, intake_limit, read_body
from api.webhooks.rejections import Rejections
from shared.settings import Settings
from shared.states import RejectionReason
from shared.webhooks.inbox import ReceivedDelivery
from shared.webhooks.signatures import Verifier, parse_signature, token_proves

SIGNATURE = "X-Hub-Signature"
TOKEN = "X-Routecard-Token"  # noqa: S105  a header's name
_MESSAGES = {
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


class UnprovenError(UnauthenticatedError):
    """The request does not prove that it comes from Jira."""

    def __init__(self, reason: RejectionReason) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


def receive_delivery() -> ReceivedDelivery:
    """The delivery in this request.

    Raises UnprovenError, BodyTooLargeError or NotReadyError, which are counted, or
    MalformedBodyError.
    """
    rejections = current_runtime().singleton(Rejections)
    try:
        return _proven_delivery(current_runtime().settings)
    except UnprovenError as refusal:
        rejections.count(refusal.reason)
        raise
    except BodyTooLargeError:
        rejections.count(RejectionReason.TOO_LARGE)
        raise
    except NotReadyError:
        rejections.count(RejectionReason.BUSY)
        raise


def _proven_delivery(settings: Settings) -> ReceivedDelivery:
    """Checks the headers first: the body is read only if a proof may be in it."""
    secrets = _secrets(settings)
    by_token = _check_token(settings)
    digest = _check_signature_header(secrets, by_token=by_token)
    length = request.content_length
    if length is not None and length > BODY_BYTES:
        raise BodyTooLargeError(BODY_BYTES)
    with current_runtime().singleton(intake_limit).acquired(length):
        body = read_body(Verifier(secrets), digest, clock=current_runtime().clock)
    if digest is not None and not body.signed:
        raise UnprovenError(RejectionReason.WRONG_SIGNATURE)
    if not body.content and not by_token:
        raise UnprovenError(RejectionReason.EMPTY_BODY)
    return _delivery(Body(body.content, signed=body.signed and bool(body.content)))


def _secrets(settings: Settings) -> list[str]:
    configured = (settings.jira_webhook_secret, settings.jira_webhook_secret_previous)
    return [text for secret in configured if secret and (text := secret.get_secret_value())]


def _check_token(settings: Settings) -> bool:
    """Whether the request has our token. A wrong one is refused, even beside a signature."""
    token = request.headers.get(TOKEN) or request.args.get("token")
    if not token:
        return False
    if not token_proves(token, expected_hash=settings.jira_webhook_token_hash):
        raise UnprovenError(RejectionReason.WRONG_TOKEN)
    return True


def _check_signature_header(secrets: list[str], *, by_token: bool) -> bytes | None:
    """The digest that the body must have; None if there is a token instead of a signature."""
    header = request.headers.get(SIGNATURE)
    if header is None:
        if by_token:
            return None
        raise UnprovenError(RejectionReason.NO_PROOF if secrets else RejectionReason.NOT_CONFIGURED)
    digest = parse_signature(header)
    if digest is None:
        raise UnprovenError(RejectionReason.MALFORMED_SIGNATURE)
    if not secrets:
        raise UnprovenError(RejectionReason.NOT_CONFIGURED)
    return digest


def _delivery(body: Body) -> ReceivedDelivery:
    retry = request.headers.get("X-Atlassian-Webhook-Retry", "")
    flow = request.headers.get("X-Atlassian-Webhook-Flow", "")
    issue_id = request.args.get("issueId", "")
    key = _ticket_key()
    return ReceivedDelivery(
        identifier=_identifier(body, key),
        signed=body.signed,
        body=body.content,
        ticket_key=key,
        issue_id=issue_id if _DIGITS.fullmatch(issue_id) else None,
        retry=int(retry) if _RETRY.fullmatch(retry) else None,
        flow=flow if flow in _FLOWS else None,
        request_id=request_id(),
    )


def _ticket_key() -> str | None:
    """The ticket's key in the query string, if Jira has put one there."""
    try:
        return issue_key(request.args.get("key", ""))
    except PydanticCustomError:
        return None


def _identifier(body: Body, key: str | None) -> str:
    """Jira Cloud's own identifier, else a hash of the body.

    A signed body contains its time, so equal bodies are one delivery. A body that only a token
    proves may be repeated on purpose: equal ones are one delivery only within a second.
    """
    sent = request.headers.get("X-Atlassian-Webhook-Identifier", "")
    if _IDENTIFIER.fullmatch(sent):
        return sent
    digest = f"sha256:{hashlib.sha256(body.content).hexdigest()}"
    if body.signed:
        return digest
    second = int(current_runtime().clock.now().timestamp())
    return f"{digest}:{key or ''}:{second}"
