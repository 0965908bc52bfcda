"""Turns a request of Jira into a delivery once its origin is proven; counts what it rejects."""

import hashlib
import re

from flask import request
from pydantic_core import PydanticCustomError

from api.http.refusals import BodyTooLargeError, NotReadyError, UnauthenticatedError
from api.http.request_ids import request_id
from api.runtime import current_runtime
from api.schemas.fields import site_key
from api.webhooks.read_body import BODY_BYTES, Body, intake_limit, read_body
from api.webhooks.rejections import Rejections
from shared.settings import Settings
from shared.states import RejectionReason
from shared.webhooks import health as webhook_health
from shared.webhooks.inbox import ReceivedDelivery
from shared.webhooks.signatures import (
    Verifier,
    basic_proves,
    is_basic,
    parse_signature,
    token_proves,
)

SIGNATURE = "X-Hub-Signature"
TOKEN = "X-Routecard-Token"  # noqa: S105  a header's name
_MESSAGES = {
    RejectionReason.NOT_CONFIGURED: (
        "This proof is not set up here: set JIRA_WEBHOOK_SECRET, or a token, or user and password"
    ),
    RejectionReason.NO_PROOF: (
        f"A webhook needs a signature in {SIGNATURE}, or a token, or user and password"
    ),
    RejectionReason.MALFORMED_SIGNATURE: (
        f"{SIGNATURE} must be sha256= and 64 hexadecimal digits; no other method is accepted"
    ),
    RejectionReason.WRONG_SIGNATURE: "The signature is not that of this body by our secret",
    RejectionReason.WRONG_TOKEN: "The token is not ours",
    RejectionReason.WRONG_CREDENTIALS: (
        "User and password are not those of JIRA_WEBHOOK_USER and JIRA_WEBHOOK_PASSWORD"
    ),
    RejectionReason.EMPTY_BODY: (
        "The signature of an empty body proves nothing: send a token, or user and password"
    ),
}
_VARIABLE = re.compile(r"\$?\{{1,2}[A-Za-z_.]{1,40}\}{1,2}")
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
    by_sender = any([_check_token(settings), _check_login(settings)])
    digest = _check_signature_header(settings, secrets, by_sender=by_sender)
    length = request.content_length
    if length is not None and length > BODY_BYTES:
        raise BodyTooLargeError(BODY_BYTES)
    with current_runtime().singleton(intake_limit).acquired(length):
        body = read_body(Verifier(secrets), digest, clock=current_runtime().clock)
    if digest is not None and not body.signed:
        raise UnprovenError(RejectionReason.WRONG_SIGNATURE)
    if not body.content and not by_sender:
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


def _check_login(settings: Settings) -> bool:
    """Whether the request has our user and password. Wrong ones are refused, as a wrong token is.

    Where none are set, those in the request may be meant for a proxy in front: a signature or a
    token beside them decides.
    """
    sent = request.headers.get("Authorization", "")
    login = settings.webhook_login
    if login is None or not is_basic(sent):
        return False
    if not basic_proves(sent, user=login[0], password=login[1]):
        raise UnprovenError(RejectionReason.WRONG_CREDENTIALS)
    return True


def _check_signature_header(
    settings: Settings, secrets: list[str], *, by_sender: bool
) -> bytes | None:
    """The digest that the body must have; None if there is none and the sender is proven."""
    header = request.headers.get(SIGNATURE)
    if header is None:
        if by_sender:
            return None
        raise UnprovenError(_missing_proof(settings))
    digest = parse_signature(header)
    if digest is None:
        raise UnprovenError(RejectionReason.MALFORMED_SIGNATURE)
    if not secrets:
        raise UnprovenError(RejectionReason.NOT_CONFIGURED)
    return digest


def _missing_proof(settings: Settings) -> RejectionReason:
    """Why a request without signature, token or login of ours is refused."""
    if not webhook_health.expected(settings):
        return RejectionReason.NOT_CONFIGURED
    if is_basic(request.headers.get("Authorization", "")):
        return RejectionReason.WRONG_CREDENTIALS
    return RejectionReason.NO_PROOF


def _delivery(body: Body) -> ReceivedDelivery:
    retry = request.headers.get("X-Atlassian-Webhook-Retry", "")
    flow = request.headers.get("X-Atlassian-Webhook-Flow", "")
    sent = request.headers.get("X-Atlassian-Webhook-Identifier", "")
    identifier = sent if _IDENTIFIER.fullmatch(sent) else None
    key, issue_id = _ticket_key(), _issue_id()
    return ReceivedDelivery(
        identifier=_identifier(body, sent=identifier, address=(key or "", issue_id or "")),
        jira_identifier=identifier,
        signed=body.signed,
        body=body.content,
        ticket_key=key,
        issue_id=issue_id,
        variable=_unreplaced_variable(),
        retry=int(retry) if _RETRY.fullmatch(retry) else None,
        flow=flow if flow in _FLOWS else None,
        request_id=request_id(),
    )


def _ticket_key() -> str | None:
    """The ticket's key in the query string, if Jira has put one there.

    Of ``${issue.key}``, a Jira that knows ``{issue.key}`` leaves the dollar sign.
    """
    try:
        return site_key(request.args.get("key", "").removeprefix("$"))
    except PydanticCustomError:
        return None


def _issue_id() -> str | None:
    issue_id = request.args.get("issueId", "")
    return issue_id if _DIGITS.fullmatch(issue_id) else None


def _unreplaced_variable() -> str | None:
    """A variable in the query string that Jira sent as it stands, such as ``${issue.key}``."""
    values = (request.args.get("key", ""), request.args.get("issueId", ""))
    return next((value for value in values if _VARIABLE.fullmatch(value)), None)


def _identifier(body: Body, *, sent: str | None, address: tuple[str, str]) -> str:
    """What makes deliveries copies of one: what the signature covers, which is the body.

    A signed body contains its time, and anybody could send it again under another identifier.
    Where only the sender is proven, the body, the address and Jira's identifier together count.
    Without an identifier equal ones may be meant: they are copies only within a second.
    """
    digest = f"sha256:{hashlib.sha256(body.content).hexdigest()}"
    if body.signed:
        return digest
    second = int(current_runtime().clock.now().timestamp())
    return ":".join((digest, *address, sent or str(second)))
