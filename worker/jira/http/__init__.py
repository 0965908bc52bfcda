"""HTTP to Jira: connection, time limits, and errors of responses."""
