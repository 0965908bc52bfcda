"""`routecard resume`: end a pause, after whatever caused it has been seen to."""

import click

from shared.accounts import audit
from shared.accounts.audit import AuditAction
from shared.sync import pauses
from worker.commands.database import audit_context, session


@click.command()
@click.option("--reason", help="What was done about it, for the audit.")
def command(reason: str | None) -> None:
    """Call Jira again at once; ends a CAPTCHA lock too, once somebody has logged in."""
    with session() as opened:
        held = pauses.current(opened)
        ended = pauses.resume(opened)
        audit.write(opened, AuditAction.RESUME, audit_context(reason), counts={"pauses": ended})
    if not ended:
        click.echo("There was no pause.")
    elif held is None:
        click.echo("Resumed; the last pause had run out by itself.")
    else:
        click.echo(f"Resumed. It was: {held.message}")
