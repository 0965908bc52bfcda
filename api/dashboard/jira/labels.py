"""Labels of the Jira page: kinds of deployment, and the doctor's checks."""

from shared.settings import Deployment

DEPLOYMENT: dict[str, str] = {
    Deployment.AUTO: "Detected",
    Deployment.CLOUD: "Jira Cloud",
    Deployment.DATACENTER: "Jira Data Center",
}
CHECK: dict[str, str] = {
    "database": "Database",
    "migrations": "Migrations",
    "broker": "Broker",
    "worker": "Worker",
    "beat": "Beat",
    "pause": "Pause",
    "poll": "Poll",
    "unusable_tickets": "Unusable tickets",
    "webhook_secret": "Webhook secret",
    "webhooks": "Webhooks",
    "times": "Time limits",
    "values": "Values",
    "quantities": "Quantities",
    "jira": "Jira",
    "deployment": "Deployment",
    "site": "Site",
    "credentials": "Credentials",
    "mapping": "Field mapping",
    "fill": "A fill",
    "field_part_number": "Part number",
    "field_quantity": "Quantity",
    "field_epic_link": "Epic",
}
