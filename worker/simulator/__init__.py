"""A simulated Jira: the HTTP interface of Cloud and Data Center, webhooks, and faults on demand."""
