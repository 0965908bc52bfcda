"""`routecard token`: credentials of the REST API."""

import sys

import click

from shared.accounts import audit
from shared.accounts import tokens as access_tokens
from shared.accounts.audit import AuditAction
from shared.accounts.tokens import LIFETIME_DAYS, NewToken
from shared.clock import SystemClock, iso_millis
from shared.models import ApiToken
from shared.states import Scope
from worker.commands.support import audit_context, help_without_subcommand, print_line, session

_SCOPE = click.Choice([scope.value for scope in Scope])
_DAYS = click.IntRange(0, 3650)
_days = click.option(
    "--days", type=_DAYS, help=f"Days until it expires; 0: never.  [default: {LIFETIME_DAYS}]"
)


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Create, list, rotate and revoke API tokens."""
    help_without_subcommand(context)


@command.command()
@click.option("--name", required=True, help="The user or program that will use it.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=_SCOPE, help="Can be repeated."
)
@_days
def create(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Create a token and print only it. It cannot be shown again."""
    lifetime = _lifetime(days)
    wanted = [Scope(scope) for scope in scopes]
    with session() as opened:
        made = access_tokens.create(opened, name, scopes=wanted, days=lifetime)
        audit.write(opened, AuditAction.TOKEN_CREATED, audit_context(), subject=name.strip())
    _print(made)


@command.command()
@click.argument("name")
@click.option(
    "--overlap-hours",
    "hours",
    default=24,
    show_default=True,
    type=click.IntRange(0, 24 * 90),
    help="How long the old token is still accepted.",
)
@_days
def rotate(name: str, hours: int, days: int | None) -> None:
    """Replace a token by a new one with the same name and scopes, and print only the new one."""
    lifetime = _lifetime(days)
    with session() as opened:
        made = access_tokens.rotate(opened, name, hours=hours, days=lifetime)
        audit.write(opened, AuditAction.TOKEN_ROTATED, audit_context(), subject=name)
    _print(made)
    print_line(f"The old token of {name} is accepted for {hours} h more.", err=True)


def _lifetime(days: int | None) -> int:
    """Asks a person at a terminal; a script gets the default."""
    if days is None and sys.stdin.isatty() and sys.stderr.isatty():
        asked = "Days until it expires (0: never)"
        return int(click.prompt(asked, default=LIFETIME_DAYS, type=_DAYS, err=True))
    return LIFETIME_DAYS if days is None else days


def _print(made: NewToken) -> None:
    print_line(made.value)
    until = f"on {made.expires_at:%Y-%m-%d}" if made.expires_at else "never"
    print_line(f"It expires {until}.", err=True)


@command.command(name="list")
def list_tokens() -> None:
    """List all tokens, without their secrets."""
    with session() as opened:
        tokens = access_tokens.listed(opened)
    for token in tokens:
        made = f"created {iso_millis(token.created_at)}"
        used = f"used {iso_millis(token.last_used_at)}" if token.last_used_at else "never used"
        print_line(token.name, " ".join(token.scopes), made, used, _state(token))


def _state(token: ApiToken) -> str:
    if token.revoked_at:
        return f"revoked {iso_millis(token.revoked_at)}"
    if token.expires_at is None:
        return "never expires"
    ended = token.expires_at <= SystemClock().now()
    replaced = "replaced, " if token.replaced_at else ""
    return f"{replaced}{'expired' if ended else 'expires'} {iso_millis(token.expires_at)}"


@command.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a token; it is refused at once."""
    with session() as opened:
        access_tokens.revoke(opened, name)
        audit.write(opened, AuditAction.TOKEN_REVOKED, audit_context(), subject=name)
    print_line(f"{name} is revoked.")
