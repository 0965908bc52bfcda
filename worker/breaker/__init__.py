"""The circuit breaker over all calls to Jira."""
