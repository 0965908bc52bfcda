"""The REST API's resources; a new one is a module and a line here."""

from api.resource import Resource
from api.routes import health, jobs

RESOURCES: tuple[Resource, ...] = (
    jobs.resource,
    health.resource,
)
