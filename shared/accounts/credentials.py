"""Who may do what: the scopes of spec/API.md, "Access", and a caller who holds some of them."""

from dataclasses import dataclass

from shared.states import ActorKind, Scope


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as history and audit name them."""

    kind: ActorKind
    name: str


@dataclass(frozen=True, slots=True)
class Credential:
    """A caller as far as we know them.

    ``id`` is stable and says whose idempotency keys are whose; ``name`` is what history shows.
    """

    id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the caller holds this scope."""
        return scope in self.scopes


OPEN = Credential(id="open", name="anonymous", scopes=frozenset(Scope))
"""The caller of an API that asks nobody (spec/API.md, "Access": loopback and no token)."""
