"""`routecard simulator`: a simulated Jira."""

import click

from shared.logs import setup_logs
from shared.settings import Settings, load_settings
from worker.simulator import defaults
from worker.simulator.config import SimulatorConfig
from worker.simulator.server import make_simulator


@click.command()
def command() -> None:
    """Run the Jira simulator."""
    settings = load_settings()
    setup_logs(fmt=settings.log_format, level=settings.log_level)
    make_simulator(config(settings)).serve_forever()


def config(settings: Settings) -> SimulatorConfig:
    """The simulator's configuration from the settings."""
    secret = settings.jira_webhook_secret
    return SimulatorConfig(
        host=settings.simulator_host,
        port=settings.simulator_port,
        webhook_url=settings.simulator_webhook_url or None,
        webhook_secret=secret.get_secret_value() if secret else defaults.WEBHOOK_SECRET,
    )
