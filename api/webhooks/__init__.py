"""Receiving and replaying Jira's webhooks."""
