"""All resources of the REST API; a new one is a module and a line here."""

from api.rest.resource import Resource
from api.routes import (
    bulk,
    bulk_actions,
    deliveries,
    health,
    jira,
    jobs,
    metrics,
    paths,
    serials,
    sync,
    tickets,
    webhooks,
)

RESOURCES: tuple[Resource, ...] = (
    jobs.resource,
    bulk.resource,
    jira.resource,
    tickets.resource,
    tickets.drift_resource,
    paths.resource,
    serials.resource,
    webhooks.resource,
    deliveries.resource,
    sync.resource,
    bulk_actions.resource,
    metrics.resource,
    health.resource,
)
