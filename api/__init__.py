"""The HTTP edge: REST API, webhook intake and dashboard. It never calls Jira and holds no SQL."""
