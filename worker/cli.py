"""`routecard`, the command line: loads the command and turns errors into exit codes."""

import importlib
from typing import Any, Final

import click

from shared.errors import AppError, SettingsError
from shared.printable import printable

# Command name -> module in worker.commands; its click command is called `command`.
COMMANDS: Final = {
    "dev": "processes.dev",
    "api": "processes.api",
    "worker": "processes.worker",
    "beat": "processes.beat",
    "simulator": "processes.simulator",
    "migrate": "migrate",
    "tasks": "tasks",
    "token": "token",
    "user": "user",
    "resume": "resume",
    "reconcile": "reconcile",
    "tickets": "tickets",
    "doctor": "doctor",
}


class _Refused(click.ClickException):
    exit_code = 1


class _BadSettings(click.ClickException):
    exit_code = 2


class CommandList(click.Group):
    """A group that imports a command only when it is used, so that each starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """The command, or None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(
            f"worker.commands.{COMMANDS[cmd_name]}"
        ).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an AppError becomes a message and an exit code, without a traceback."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise _BadSettings(_lines(error.message)) from error
        except AppError as error:
            raise _Refused(_lines(error.message)) from error


def _lines(message: str) -> str:
    return "\n".join(printable(line) for line in message.split("\n"))


@click.command(cls=CommandList, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="routecard")
def main() -> None:
    """Routecard: production jobs ordered through Jira.

    Every command is configured by environment variables; docs/settings.md lists them.
    """
