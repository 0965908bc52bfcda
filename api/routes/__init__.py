"""The REST API's resources; a new one is a module and a line here."""

from api.resource import Resource
from api.routes import bulk, health, jira, jobs, paths, serials

RESOURCES: tuple[Resource, ...] = (
    jobs.resource,
    bulk.resource,
    jira.resource,
    paths.resource,
    serials.resource,
    health.resource,
)
