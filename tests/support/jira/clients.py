"""Clients of the simulator, as a worker has them: settings for either product, and a real clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.clock import SystemClock
from shared.settings import Deployment, Settings
from tests.support.jira.simulated import SimulatedJira, simulated_jira
from worker.jira.client import Jira, make_jira
from worker.jira.port import ReadResult
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product

PRODUCTS = {Product.CLOUD: Deployment.CLOUD, Product.SERVER: Deployment.DATACENTER}


def settings_for(product: Product, url: str, **values: Any) -> Settings:
    """Settings that reach a simulator of this product with good credentials."""
    login: dict[str, Any] = {"jira_pat": defaults.PAT}
    if product is Product.CLOUD:
        login = {"jira_email": defaults.EMAIL, "jira_api_token": defaults.API_TOKEN}
    chosen: dict[str, Any] = {
        "jira_base_url": url,
        "jira_timeout_seconds": 2.0,
        "jira_field_part_number": defaults.FIELD_PART_NUMBER,
        "jira_field_quantity": defaults.FIELD_QUANTITY,
        "jira_field_epic_link": defaults.FIELD_EPIC_LINK,
    }
    return Settings(**{**chosen, **login, **values})


class ConnectedJira:
    """A simulated Jira of one product and a client of it."""

    def __init__(self, product: Product, site: SimulatedJira, **values: Any) -> None:
        self.product = product
        self.site = site
        self.settings = settings_for(product, site.url, **values)
        self.jira: Jira = make_jira(self.settings, clock=SystemClock())

    @property
    def cloud(self) -> bool:
        return self.product is Product.CLOUD

    def read(self, *keys: str, seconds: float = 30.0) -> ReadResult:
        """Read with this much time for it."""
        return self.jira.read(keys, deadline=time.monotonic() + seconds)

    def client(self, **values: Any) -> Jira:
        """Another client of the same site, with other settings; the caller closes it."""
        settings = settings_for(self.product, self.site.url, **values)
        return make_jira(settings, clock=SystemClock())

    def edit(self, key: str, **fields: Any) -> None:
        """Change a ticket in Jira; values in the shape of the wire."""
        store = self.site.simulator.store
        store.edit(store.get(key).id, fields)

    def calls(self) -> int:
        """Calls to Jira so far."""
        return sum(self.site.counts().values())


@contextmanager
def connected_jira(product: Product, **config: Any) -> Iterator[ConnectedJira]:
    """A fresh simulator of a product, and a client of it."""
    with simulated_jira(deployment=product, **config) as site:
        made = ConnectedJira(product, site)
        try:
            yield made
        finally:
            made.jira.close()
