"""A Jira for the suites that run over every adapter."""

from collections.abc import Iterator

import pytest

from tests.support.jira.clients import PRODUCTS, ConnectedJira, connected_jira
from worker.simulator.config import Deployment as Product


@pytest.fixture(params=list(Product), ids=lambda product: PRODUCTS[product].value)
def jira(request: pytest.FixtureRequest) -> Iterator[ConnectedJira]:
    """A site and a client, once for each product."""
    with connected_jira(request.param, tickets=260) as made:
        yield made
