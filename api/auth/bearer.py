"""Who is calling the REST API: a bearer token, or anybody on a machine that asks nobody yet."""

from flask import Request, g

from api.auth.loopback import is_local
from api.http.refusals import UnauthenticatedError
from api.http.ttl_cache import TTLCache
from api.runtime import Runtime
from shared.accounts import tokens as access_tokens
from shared.accounts.credentials import OPEN, Actor, Credential
from shared.accounts.operators import OperatorView
from shared.database.engine import in_transaction
from shared.states import ActorKind

_NEEDED = "A bearer token is needed: routecard token create --name NAME --scope SCOPE"
_UNKNOWN = "The bearer token is not known, or was revoked"
_MALFORMED = "The Authorization header must be: Bearer TOKEN"


class Authenticator:
    """Asks the database who holds a token; remembers the answer for a second.

    Without the database nobody is let in: its DatabaseUnavailableError goes to the caller.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tokens: TTLCache[Credential] = TTLCache(runtime.clock)
        self._made: TTLCache[bool] = TTLCache(runtime.clock)

    def __call__(self, request: Request) -> Credential:
        """Raises UnauthenticatedError where a credential is needed, or is wrong."""
        sent = request.headers.get("Authorization")
        if sent is not None:
            return self._holder(_bearer(sent))
        if is_local(request, self._runtime.settings) and not self._any_made():
            return OPEN
        raise UnauthenticatedError(_NEEDED)

    def _any_made(self) -> bool:
        return self._made.get(
            "", lambda: in_transaction(self._runtime.engine, access_tokens.any_made)
        )

    def _holder(self, token: str) -> Credential:
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
    """Who this request is done for, as history and audit name them."""
    operator: OperatorView | None = g.get("operator")
    if operator is not None:
        return operator.actor
    credential: Credential = g.get("credential", OPEN)
    kind = ActorKind.OPEN if credential.id == OPEN.id else ActorKind.TOKEN
    return Actor(kind, credential.name)
