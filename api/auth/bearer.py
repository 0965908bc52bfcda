"""Authenticates clients of the REST API by bearer token; open mode needs none."""

from flask import Request, g

from api.auth.open_mode import in_open_mode
from api.auth.rate_limit import RateLimit
from api.http.refusals import UnauthenticatedError
from api.http.request_ids import request_id
from api.http.ttl_cache import TTLCache
from api.runtime import Runtime
from shared.accounts import tokens as access_tokens
from shared.accounts.audit import AuditContext
from shared.accounts.credentials import OPEN, Actor, Credential
from shared.accounts.operators import OperatorView
from shared.database.engine import in_transaction
from shared.states import ActorKind

_MISSING = "A bearer token is needed: routecard token create --name NAME --scope SCOPE"
_UNKNOWN = "The bearer token is not known, has expired or was revoked"
_MALFORMED = "The Authorization header must be: Bearer TOKEN"


class Authenticator:
    """Looks tokens up in the database and caches the result for a second.

    If the database is away, its DatabaseUnavailableError refuses the request.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._limit = runtime.singleton(RateLimit)
        self._tokens: TTLCache[Credential] = TTLCache(runtime.clock)

    def __call__(self, request: Request) -> Credential:
        """The caller's credential.

        Raises UnauthenticatedError if it is missing or wrong, RateLimitedError after too many
        requests.
        """
        try:
            credential = self._proven(request)
        except UnauthenticatedError:
            self._limit.count_refusal(request.remote_addr or "unknown")
            raise
        self._limit.count_call(credential.id)
        return credential

    def _proven(self, request: Request) -> Credential:
        sent = request.headers.get("Authorization")
        if sent is not None:
            return self._credential(_bearer(sent))
        if in_open_mode(request, self._runtime):
            return OPEN
        raise UnauthenticatedError(_MISSING)

    def _credential(self, token: str) -> Credential:
        if not access_tokens.well_formed(token):
            raise UnauthenticatedError(_UNKNOWN)
        return self._tokens.get(access_tokens.hash_of(token), lambda: self._look_up(token))

    def _look_up(self, token: str) -> Credential:
        found = in_transaction(
            self._runtime.engine, lambda session: access_tokens.look_up(session, token)
        )
        if found is None:
            raise UnauthenticatedError(_UNKNOWN)
        return found


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthenticatedError(_MALFORMED)
    return token.strip()


def current_actor() -> Actor:
    """The actor of this request, as history and audit name it."""
    operator: OperatorView | None = g.get("operator")
    if operator is not None:
        return operator.actor
    credential: Credential = g.get("credential", OPEN)
    kind = ActorKind.OPEN if credential.id == OPEN.id else ActorKind.TOKEN
    return Actor(kind, credential.name)


def audit_context(reason: str | None = None) -> AuditContext:
    """Who does something by this request, and why, for the audit."""
    return AuditContext(actor=current_actor(), reason=reason, request_id=request_id())
