"""Bulk actions: what is answered when one begins, and how far it is."""

from typing import Any, Self

from pydantic import Field

from api.schemas.answers import Answer, Timestamp
from api.schemas.fields import PathVariables
from shared.actions import bulk
from shared.actions.counts import Counts
from shared.actions.deliveries import BODY_GONE, WAITING
from shared.models import BulkAction
from shared.states import BulkStatus, Operation

_ID = "bulk_01h455vb4pex5vsknk084sn02q"


class _Unfinished(Answer):
    """What an answer says of an action that goes on in the background."""

    id: str | None = Field(
        None,
        description="Only of an action that continues in the background: "
        "`GET /api/sync/bulk-actions/{id}` says how far it is.",
        examples=[_ID],
    )
    status: BulkStatus | None = Field(
        None, description="`running` while it continues in the background; else absent."
    )


class BulkOut(_Unfinished):
    """What a retry or cancel of all that match did; `matched` is `changed` and all `skipped`.

    While it continues in the background, `matched` counts also what is still to be done.
    """

    matched: int
    changed: int = Field(description="So far. With `dryRun`, those that would be changed.")
    skipped: dict[str, int] = Field(
        description="By reason: already_filled, already_waiting, already_cancelled, running, "
        "job_deleted."
    )
    dry_run: bool

    @classmethod
    def of(cls, counts: Counts, action: BulkAction | None = None) -> Self:
        """The answer about ``action``; about a dry run if there is none."""
        return cls(**counts.as_json(), dry_run=action is None, **_unfinished(action))


class ReplayOut(_Unfinished):
    """How many deliveries matched, and what became of them."""

    matched: int
    replayed: int = Field(description="Waiting to be applied again now; with `dryRun`, 0.")
    replayable: int = Field(description="Of those that matched, as they stood before.")
    waiting: int = Field(description="Left alone: not applied for the first time yet.")
    body_gone: int = Field(description="Left alone: the body is no longer kept.")
    dry_run: bool

    @classmethod
    def of(cls, counts: Counts, action: BulkAction | None = None) -> Self:
        """The answer about ``action``; about a dry run if there is none."""
        matched = counts.matched if action is None else action.matched
        return cls(
            matched=matched,
            replayed=0 if action is None else counts.changed,
            replayable=matched - counts.skipped.total(),
            waiting=counts.skipped[WAITING],
            body_gone=counts.skipped[BODY_GONE],
            dry_run=action is None,
            **_unfinished(action),
        )


class BulkActionPath(PathVariables):
    """The bulk action an address names."""

    id: str = Field(description="The action's id.", examples=[_ID])


class BulkActionOut(Answer):
    """How far a bulk action is. What is absent is left out."""

    id: str = Field(examples=[_ID])
    operation: Operation
    status: BulkStatus = Field(
        description="`running`: at work, or waiting for a worker. `failed`: given up, because "
        "every worker that took it stopped at the same place."
    )
    matched: int = Field(description="`changed`, all `skipped`, and what is still to be done.")
    changed: int
    skipped: dict[str, int] = Field(
        description="By reason; of deliveries: waiting (not applied for the first time yet), "
        "body_gone."
    )
    actor: str = Field(description="Who began it.")
    reason: str | None = None
    request_id: str | None = None
    created_at: Timestamp = Field(examples=["2024-01-15T10:30:00.000Z"])
    updated_at: Timestamp = Field(description="When its last batch was done.")
    ended_at: Timestamp | None = Field(None, description="Absent while it runs.")

    @classmethod
    def of(cls, action: BulkAction) -> Self:
        """How far the action is."""
        event = action.audit_event
        return cls.from_row(
            action,
            **bulk.counts_of(action).as_json(),
            actor=event.actor,
            reason=event.reason,
            request_id=event.request_id,
        )


def _unfinished(action: BulkAction | None) -> dict[str, Any]:
    if action is None or action.ended_at is not None:
        return {}
    return {"id": action.id, "status": BulkStatus(action.status)}
