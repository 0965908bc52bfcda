"""From Jira's field values to a ticket."""
