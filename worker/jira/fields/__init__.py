"""Convert Jira's field values to a ticket."""
