"""`routecard simulator`: a simulated Jira."""

import click
from pydantic import SecretStr

from shared.logs import setup_logs
from shared.settings import Deployment, Settings, load_settings
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product
from worker.simulator.config import SimulatorConfig
from worker.simulator.server import make_simulator


@click.command()
def command() -> None:
    """Run the Jira simulator."""
    settings = load_settings()
    setup_logs(fmt=settings.log_format, level=settings.log_level)
    make_simulator(config(settings)).serve_forever()


def config(settings: Settings) -> SimulatorConfig:
    """The simulator's configuration: credentials and product are those that our client uses."""
    return SimulatorConfig(
        host=settings.simulator_host,
        port=settings.simulator_port,
        webhook_url=settings.simulator_webhook_url or None,
        webhook_secret=_value(settings.jira_webhook_secret, defaults.WEBHOOK_SECRET),
        deployment=_product(settings),
        email=settings.jira_email or defaults.EMAIL,
        api_token=_value(settings.jira_api_token, defaults.API_TOKEN),
        pat=_value(settings.jira_pat, defaults.PAT),
    )


def _value(secret: SecretStr | None, default: str) -> str:
    return secret.get_secret_value() if secret else default


def _product(settings: Settings) -> Product:
    """Data Center where the settings name it, or a personal access token only it knows."""
    by_token = settings.jira_deployment is Deployment.AUTO and settings.jira_pat is not None
    if by_token or settings.jira_deployment is Deployment.DATACENTER:
        return Product.SERVER
    return Product.CLOUD
