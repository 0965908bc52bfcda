"""Who does something by this request, and why, for the audit."""

from api.auth.bearer import current_actor
from api.http.request_ids import request_id
from shared.accounts.audit import AuditContext


def audit_context(reason: str | None = None) -> AuditContext:
    """The context of an action of this request."""
    return AuditContext(actor=current_actor(), reason=reason, request_id=request_id())
