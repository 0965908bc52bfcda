"""Jira behind one port: protocol, client, field mapping, rate limit."""
