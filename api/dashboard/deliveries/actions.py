"""Replay of deliveries from pages."""

from collections.abc import Sequence
from dataclasses import replace

from flask import Response
from sqlalchemy.orm import Session

from api.dashboard.deliveries import labels as delivery_labels
from api.dashboard.deliveries.views import DELIVERIES
from api.dashboard.kit.action_flow import BulkFlow
from api.dashboard.kit.layout import redirect_after_post
from api.dashboard.kit.pages import Pages
from shared.actions import deliveries
from shared.states import Operation
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryFilter, DeliveryState

pages = Pages("delivery_actions", __name__)


def _sample(
    session: Session, filters: DeliveryFilter, limit: int
) -> Sequence[Sequence[str | None]]:
    rows = delivery_queries.page(session, replace(filters, replayable=True), limit=limit)
    state = delivery_labels.STATE
    return [
        (row.ticket_key or row.id, row.event, state[row.outcome or DeliveryState.WAITING])
        for row in rows
    ]


REPLAY = BulkFlow(
    operation=Operation.REPLAY,
    listing=DELIVERIES,
    unit="delivery",
    verb="Replay",
    question="Apply {count} once more?",
    done="waiting to be applied once more",
    select=lambda ids: DeliveryFilter(ids=ids),
    sample=_sample,
    act_on_one=lambda session, row_id, context: deliveries.replay(session, row_id, context=context),
)


REPLAY.add_to(pages, "/deliveries/replay")


@pages.action("/deliveries/<delivery_id>/replay")
def replay_one(delivery_id: str) -> Response:
    """Replay one delivery."""
    REPLAY.do_one(delivery_id)
    return redirect_after_post(f"/deliveries/{delivery_id}")
