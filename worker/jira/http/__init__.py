"""HTTP to Jira: connection, time limits, and what an answer means."""
