"""Jira in tests: the simulator, its clients, its webhooks, and the documents of its API."""
