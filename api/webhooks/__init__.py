"""Receiving Jira's webhooks."""
