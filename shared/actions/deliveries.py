"""Replay of webhook deliveries: one, or a batch of a bulk action."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.actions.counts import Counts
from shared.models import Delivery
from shared.webhooks import inbox
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryFilter

WAITING = "waiting"
BODY_GONE = "body_gone"


def replay(session: Session, delivery_id: str, *, context: AuditContext) -> None:
    """Apply one delivery once more, in the caller's transaction.

    Raises NotFoundError, or ConflictError with the reason.
    """
    inbox.replay(session, delivery_id)
    audit.write(session, AuditAction.REPLAY, context, subject=delivery_id)


@dataclass(frozen=True, slots=True)
class DeliveryWork:
    """A bulk replay, as ``shared.actions.bulk`` runs it."""

    filter_type = DeliveryFilter

    def newest(self, session: Session) -> str:
        """The newest delivery there is; the empty string where there is none."""
        return session.scalar(select(func.max(Delivery.id))) or ""

    def preview(
        self, session: Session, filters: DeliveryFilter, *, most: int | None = None
    ) -> Counts:
        """How many deliveries the action would apply again, counted no further than ``most``."""
        found = delivery_queries.count(session, filters, most=most)
        skipped = Counter({WAITING: found.waiting, BODY_GONE: found.bodiless})
        return Counts(found.replayable, skipped, capped=found.matched == most)

    def candidates(
        self, session: Session, filters: DeliveryFilter, *, after: str, upto: str, limit: int
    ) -> list[str]:
        """Ids of deliveries that match and can be replayed, in order, ``after`` excluded."""
        return delivery_queries.replayable(session, filters, after=after, upto=upto, limit=limit)

    def apply(self, session: Session, ids: Sequence[str], context: AuditContext) -> Counts:  # noqa: ARG002  a replay leaves no name on its deliveries
        """Make these due again, except those that became due or lost their body meanwhile."""
        return Counts(inbox.replay_these(session, ids))
