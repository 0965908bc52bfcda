"""Jobs and Jira tickets: linking."""

from flask import Response
from sqlalchemy.orm import Session

from api.creation.idempotent_create import CreateResult, create_once
from api.creation.new_jobs import create_jobs, link_job
from api.creation.prefer_wait import WaitingHeaders, wait_for_fill
from api.http.responses import entity_tag, json_answer
from api.rest.resource import JOBS, Resource
from api.schemas.jobs import JobOut, LinkOut, LinkRequest
from shared.jobs.job import JobView

resource = Resource(
    "jira", prefix="/api/jira", access=JOBS, about="Jira tickets, as Routecard knows them."
)


@resource.route("POST /link", {200: LinkOut, 201: LinkOut}, refusals=(404, 409, 422))
def link(header: WaitingHeaders, body: LinkRequest) -> Response:
    """Link a job that has no ticket, or make a job from a ticket.

    With `jobId`: 200 and that job. Without: 201 and a new job, whose name is the ticket's key
    until the fill. Where no quantity is sent and the ticket's is not a whole number for certain,
    the filled job has `quantityUnknown` instead of `goalQuantity`, until one is set.
    """

    def work(session: Session) -> CreateResult:
        return _linked(session, body) if body.job_id else _made(session, body)

    return wait_for_fill(create_once(header, work), header, member="job")


def _linked(session: Session, body: LinkRequest) -> CreateResult:
    view = link_job(session, str(body.job_id), ticket_key=body.ticket_key)
    return CreateResult(_answer(view, status=200), due=view.due)


def _made(session: Session, body: LinkRequest) -> CreateResult:
    (view,) = create_jobs(session, [body.draft()])
    answer = _answer(view, status=201)
    answer.headers["Location"] = f"/api/jobs/{view.job.id}"
    return CreateResult(answer, due=view.due)


def _answer(view: JobView, *, status: int) -> Response:
    headers = {"ETag": entity_tag(view.job.version)}
    return json_answer(LinkOut(job=JobOut.of(view)), status=status, headers=headers)
