"""The action of a job's page: set the quantity that its ticket does not say for certain."""

from flask import Response, flash, request
from sqlalchemy.orm import Session

from api.auth.bearer import audit_context
from api.dashboard.jobs.form_values import number_of
from api.dashboard.kit.layout import redirect_after_post
from api.dashboard.kit.pages import Pages
from api.http.parameters import checked
from api.runtime import in_transaction
from api.schemas.jobs import JobUpdate
from shared.accounts import audit
from shared.accounts.audit import AuditAction
from shared.errors import InvalidInputError
from shared.jobs import queries
from shared.jobs import store as jobs

pages = Pages("job_actions", __name__)


@pages.action("/jobs/<job_id>/quantity")
def set_quantity(job_id: str) -> Response:
    """Set the quantity, unless someone else has set it since the page was shown."""
    address = f"/jobs/{job_id}"
    typed = request.form.get("goalQuantity", "").strip()
    try:
        update = checked(JobUpdate, {"goalQuantity": number_of(typed)})
    except InvalidInputError as error:
        flash(error.message, "bad")
        return redirect_after_post(address)
    context = audit_context()

    def work(session: Session) -> bool:
        jobs.lock_version(session, job_id)
        if queries.job_view(session, job_id).job.quantity_unread is None:
            return False
        jobs.update(session, job_id, update.change())
        counts = {"goalQuantity": update.goal_quantity}
        audit.write(session, AuditAction.UPDATE, context, subject=job_id, counts=counts)
        return True

    if in_transaction(work):
        flash("Quantity set.", "good")
    else:
        flash("The quantity is known already: it was not changed.", "warn")
    return redirect_after_post(address)
