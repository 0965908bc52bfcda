"""`routecard token`: credentials of the REST API."""

import click

from shared.accounts import audit
from shared.accounts import tokens as access_tokens
from shared.accounts.audit import AuditAction
from shared.clock import iso_millis
from shared.states import Scope
from worker.commands.support import audit_context, help_without_subcommand, print_line, session

_SCOPE = click.Choice([scope.value for scope in Scope])


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Create, list and revoke API tokens."""
    help_without_subcommand(context)


@command.command()
@click.option("--name", required=True, help="The user or program that will use it.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=_SCOPE, help="Can be repeated."
)
def create(name: str, scopes: tuple[str, ...]) -> None:
    """Create a token and print only it. It cannot be shown again."""
    with session() as opened:
        token = access_tokens.create(opened, name, scopes=[Scope(scope) for scope in scopes])
        audit.write(opened, AuditAction.TOKEN_CREATED, audit_context(), subject=name.strip())
    print_line(token)


@command.command(name="list")
def list_tokens() -> None:
    """List all tokens, without their secrets."""
    with session() as opened:
        tokens = access_tokens.listed(opened)
    for token in tokens:
        used = f"used {iso_millis(token.last_used_at)}" if token.last_used_at else "never used"
        state = f"revoked {iso_millis(token.revoked_at)}" if token.revoked_at else used
        made = iso_millis(token.created_at)
        print_line(token.name, " ".join(token.scopes), f"created {made}", state)


@command.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a token; it is refused at once."""
    with session() as opened:
        access_tokens.revoke(opened, name)
        audit.write(opened, AuditAction.TOKEN_REVOKED, audit_context(), subject=name)
    print_line(f"{name} is revoked.")
