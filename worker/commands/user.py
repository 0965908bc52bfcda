"""`routecard user`: operator accounts of the dashboard."""

import sys

import click

from shared.accounts import audit, operators, sessions
from shared.accounts.audit import AuditAction
from shared.clock import iso_millis
from shared.errors import InvalidInputError
from shared.states import Role
from worker.commands.support import audit_context, help_without_subcommand, print_line, session

_ROLE = click.Choice([role.value for role in Role])


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Create, list and remove operator accounts of the dashboard.

    A password is prompted for, or read from standard input if that is not a terminal. It is never
    an argument, which other users of the machine could read.
    """
    help_without_subcommand(context)


@command.command()
@click.argument("name")
@click.option("--role", default=Role.READ_ONLY.value, show_default=True, type=_ROLE)
def add(name: str, role: str) -> None:
    """Create an account."""
    password = _password()
    with session() as opened:
        made = operators.add(opened, name, password=password, role=Role(role))
        audit.write(opened, AuditAction.OPERATOR_ADDED, audit_context(role), subject=made.name)
    print_line(f"{made.name} may log in ({made.role}).")


@command.command(name="list")
def list_operators() -> None:
    """List all accounts."""
    with session() as opened:
        accounts = operators.listed(opened)
    for account in accounts:
        seen = account.last_login_at
        state = "disabled" if account.disabled else "enabled"
        last = f"last login {iso_millis(seen)}" if seen else "never logged in"
        print_line(account.name, account.role, state, last)


@command.command()
@click.argument("name")
def passwd(name: str) -> None:
    """Change a password; this ends the account's sessions, and waits after failed logins."""
    password = _password()
    with session() as opened:
        operators.set_password(opened, name, password=password)
        audit.write(opened, AuditAction.OPERATOR_CHANGED, audit_context("password"), subject=name)
    print_line(f"{name} has a new password; all sessions have ended.")


@command.command()
@click.argument("name")
def disable(name: str) -> None:
    """Disable an account and end its sessions."""
    _set_disabled(name, disabled=True)
    print_line(f"{name} may no longer log in.")


@command.command()
@click.argument("name")
def enable(name: str) -> None:
    """Enable a disabled account."""
    _set_disabled(name, disabled=False)
    print_line(f"{name} may log in.")


def _set_disabled(name: str, *, disabled: bool) -> None:
    reason = "disabled" if disabled else "enabled"
    with session() as opened:
        operators.set_disabled(opened, name, disabled=disabled)
        audit.write(opened, AuditAction.OPERATOR_CHANGED, audit_context(reason), subject=name)


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove an account and end its sessions."""
    with session() as opened:
        operators.remove(opened, name)
        audit.write(opened, AuditAction.OPERATOR_REMOVED, audit_context(), subject=name)
    print_line(f"{name} is removed.")


@command.command()
@click.argument("name")
@click.argument("new_role", metavar="ROLE", type=_ROLE)
def role(name: str, new_role: str) -> None:
    """Give an account another role, and end its sessions."""
    with session() as opened:
        operators.set_role(opened, name, role=Role(new_role))
        audit.write(opened, AuditAction.OPERATOR_CHANGED, audit_context(new_role), subject=name)
    print_line(f"{name} is {new_role}; all sessions have ended.")


@command.command(name="sessions")
@click.argument("name")
def list_sessions(name: str) -> None:
    """List the sessions of an account that have not ended, the last used first."""
    with session() as opened:
        found = sessions.live(opened, operators.named(opened, name).id)
    for each in found:
        begun, seen = (
            f"began {iso_millis(each.created_at)}",
            f"used {iso_millis(each.last_seen_at)}",
        )
        ends = f"ends {iso_millis(each.expires_at)}"
        print_line(str(each.id), begun, seen, ends, each.address or "-", each.user_agent or "-")


@command.command()
@click.argument("name")
def logout(name: str) -> None:
    """End all sessions of an account. It may log in again: see disable and passwd."""
    with session() as opened:
        ended = operators.end_sessions(opened, name)
        context, counts = audit_context(), {"ended": ended}
        audit.write(opened, AuditAction.SESSIONS_ENDED, context, subject=name, counts=counts)
    print_line(f"{name}: {ended} sessions ended.")


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        # As browsers send it, whatever this terminal's encoding is.
        return sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInputError("A password is text in UTF-8") from None
