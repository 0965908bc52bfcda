"""Replay from pages: one at once; many after the count, with what came of it."""

from dataclasses import replace
from urllib.parse import urlencode

from flask import Response, flash, request

from api.actions import bulk as bulk_requests
from api.auth.bearer import current_actor
from api.dashboard.deliveries import labels as delivery_labels
from api.dashboard.deliveries.views import DELIVERIES
from api.dashboard.kit.confirm import SAMPLE, Confirmation, ask
from api.dashboard.kit.formats import counted, number
from api.dashboard.kit.layout import redirect_after_post
from api.dashboard.kit.pages import Pages
from api.http.request_ids import request_id
from api.runtime import in_transaction, notify, transaction
from shared.accounts.audit import AuditContext
from shared.actions import bulk, deliveries
from shared.actions.counts import Counts
from shared.broker.wakeups import Wakeup
from shared.errors import ConflictError, InvalidInputError
from shared.states import Operation, Role
from shared.webhooks import queries as delivery_queries
from shared.webhooks.queries import DeliveryFilter, Matching

MOST_SELECTED = 200
"""Deliveries that can be picked one by one."""
MOST_COUNTED = 100_000
"""How far the question counts; what came of it is exact."""
_NOT_FILTERS = ("scope", "id", "reason", "csrf_token")

pages = Pages("delivery_actions", __name__)


@pages.page("/deliveries/replay", role=Role.FULL)
def ask_replay() -> Response:
    """How many would be replayed."""
    wanted, chosen = _meant(request.args.getlist("id"))
    with transaction() as session:
        matching = delivery_queries.count(session, wanted, most=MOST_COUNTED + 1)
        some = delivery_queries.page(session, replace(wanted, replayable=True), limit=SAMPLE)
    count = _counted(matching)
    return ask(
        Confirmation(
            title="Replay deliveries",
            question=f"Apply {count} once more?" if matching.replayable else _nothing(matching),
            verb=f"Replay {count}",
            action=request.path,
            back=_back(chosen),
            total=matching.replayable,
            hidden=chosen,
            notes=_notes(matching),
            sample=[
                (
                    row.ticket_key or row.id,
                    row.event,
                    delivery_labels.STATE[row.outcome or "waiting"],
                )
                for row in some
            ],
        )
    )


@pages.action("/deliveries/replay")
def replay_many() -> Response:
    """Replay them."""
    wanted, chosen = _meant(request.form.getlist("id"))
    action = bulk_requests.start(Operation.REPLAY, wanted, context=_audit_context())
    flash(_result(bulk.counts_of(action)), "good" if action.changed else "warn")
    return redirect_after_post(_back(chosen))


@pages.action("/deliveries/<delivery_id>/replay")
def replay_one(delivery_id: str) -> Response:
    """Replay one."""
    try:
        in_transaction(lambda s: deliveries.replay(s, delivery_id, context=_audit_context()))
    except ConflictError as error:
        flash(f"{error.message}.", "warn")
    else:
        notify(Wakeup.DELIVERIES)
        flash("Waiting to be applied once more.", "good")
    return redirect_after_post(f"/deliveries/{delivery_id}")


def _meant(ids: list[str]) -> tuple[DeliveryFilter, list[tuple[str, str]]]:
    """Which deliveries are meant, and the same for the hidden fields of a form.

    Raises InvalidInputError where nothing is picked: no selection must never mean everything.
    """
    scope = request.values.get("scope", "")
    if scope == "selected":
        picked = tuple(dict.fromkeys(ids))
        if not 0 < len(picked) <= MOST_SELECTED or any("\0" in one for one in picked):
            raise InvalidInputError(f"Select between 1 and {MOST_SELECTED} deliveries first")
        return DeliveryFilter(ids=picked), [("scope", scope), *(("id", one) for one in picked)]
    if scope != "matching":
        raise InvalidInputError("scope must be one of selected, matching")
    listing = DELIVERIES.read(besides=_NOT_FILTERS)
    return listing.query.filters(), [("scope", scope), *listing.absolute.items()]


def _back(chosen: list[tuple[str, str]]) -> str:
    """The list that was come from, with its filters."""
    given = {name: value for name, value in chosen if name not in ("id", "scope")}
    return f"{DELIVERIES.path}?{urlencode(given)}" if given else DELIVERIES.path


def _counted(matching: Matching) -> str:
    if matching.matched > MOST_COUNTED:
        return f"more than {counted(matching.replayable, 'delivery')}"
    return counted(matching.replayable, "delivery")


def _nothing(matching: Matching) -> str:
    if not matching.matched:
        return "No delivery matches any more."
    return f"None of {counted(matching.matched, 'delivery')} can be applied once more."


def _notes(matching: Matching) -> list[str]:
    left = {"not applied yet": matching.waiting, "the body is no longer kept": matching.bodiless}
    return [f"{counted(n, 'delivery')} left alone: {why}." for why, n in left.items() if n]


def _result(counts: Counts) -> str:
    total = counted(counts.changed + counts.left, "delivery")
    if counts.left:
        done = f"{number(counts.changed)} of {total} waiting to be applied once more so far; "
        return done + "it continues in the background. The audit shows how far it is."
    return f"{total} waiting to be applied once more."


def _audit_context() -> AuditContext:
    reason = request.form.get("reason", "").replace("\0", "").strip()[:255]
    return AuditContext(actor=current_actor(), reason=reason or None, request_id=request_id())
