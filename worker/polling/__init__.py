"""Reading from Jira what no webhook announced: poll, deleted tickets, reconciliation."""
