"""`routecard resume`: end a pause after its cause is resolved."""

import click

from shared.accounts import audit
from shared.accounts.audit import AuditAction
from shared.sync import pauses
from worker.commands.support import audit_context, print_line, session


@click.command()
@click.option("--reason", help="How the cause was resolved, for the audit log.")
def command(reason: str | None) -> None:
    """Call Jira again at once. Ends a CAPTCHA lock too: log in with a browser first."""
    with session() as opened:
        paused = pauses.current(opened)
        ended = pauses.resume(opened)
        audit.write(opened, AuditAction.RESUME, audit_context(reason), counts={"pauses": ended})
    if not ended:
        print_line("There was no pause.")
    elif paused is None:
        print_line("Resumed; the last pause had already ended.")
    else:
        print_line(f"Resumed. It was: {paused.message}")
