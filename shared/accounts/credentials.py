"""Callers: the actor that the audit names, and the scopes that a credential has."""

from dataclasses import dataclass

from shared.states import ActorKind, Scope


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or program that does something, as history and audit name it."""

    kind: ActorKind
    name: str


@dataclass(frozen=True, slots=True)
class Credential:
    """An authenticated caller.

    ``id`` is stable and separates the idempotency keys of callers; ``name`` is shown in history.
    """

    id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the caller has this scope."""
        return scope in self.scopes


OPEN = Credential(id="open", name="anonymous", scopes=frozenset(Scope))
"""Every caller of an API without authentication (spec/API.md, "Access": loopback, no token)."""
