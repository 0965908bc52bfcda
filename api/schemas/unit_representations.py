"""Units, where they are, and what was done to them, as the JSON of spec/API.md."""

from typing import Any

from api.schemas.job_representations import path_json, present
from shared.clock import iso_millis
from shared.production.paths import PathView
from shared.production.progress import bottlenecks
from shared.production.queries import EventView, SerialView
from shared.production.steps import Step
from shared.states import SerialStatus


def path_detail_json(path: PathView) -> dict[str, Any]:
    """A path, where its units are, and how many are done."""
    narrow = bottlenecks(path.route.steps)
    distribution = [
        {
            "stepId": step.id,
            "stepName": step.name,
            "stepOrder": order,
            **present(location=step.location),
            "partCount": step.present,
            "completedCount": step.passed,
            "isBottleneck": step.id in narrow,
        }
        for order, step in enumerate(path.route.steps)
    ]
    return path_json(path) | {
        "distribution": distribution,
        "completedCount": path.completed_count,
    }


def serial_json(serial: SerialView) -> dict[str, Any]:
    """A unit; why, where and by whom where it was scrapped."""
    shown = {
        "id": serial.id,
        "jobId": serial.job_id,
        "pathId": serial.path_id,
        "currentStepIndex": serial.step_index,
        "status": serial.status,
        "createdAt": iso_millis(serial.created_at),
        "updatedAt": iso_millis(serial.updated_at),
    }
    if serial.status is not SerialStatus.SCRAPPED or serial.scrapped_at is None:
        return shown
    return shown | present(
        scrapReason=serial.scrap_reason,
        scrapExplanation=serial.scrap_explanation,
        scrapStepId=serial.step_id,
        scrappedAt=iso_millis(serial.scrapped_at),
        scrappedBy=serial.scrapped_by,
    )


def bypassed_json(step: Step) -> dict[str, Any]:
    """A step that was skipped; deferring one is not part of the contract."""
    return {"stepId": step.id, "stepName": step.name, "classification": "skipped"}


def event_json(event: EventView) -> dict[str, Any]:
    """One line of a unit's history."""
    return {
        "at": iso_millis(event.at),
        "action": event.action,
        "userId": event.user_id,
        **present(
            fromStepId=event.from_step_id,
            fromStepName=event.from_step_name,
            fromStepIndex=event.from_index,
            toStepId=event.to_step_id,
            toStepName=event.to_step_name,
            toStepIndex=event.to_index,
            bypassedStepIds=event.bypassed_step_ids or None,
            reason=event.reason,
            explanation=event.explanation,
        ),
    }
