"""A Jira to run: the HTTP surface of Cloud and Data Center with its traps, webhooks and faults."""
