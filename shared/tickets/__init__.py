"""Our copy of Jira's tickets, and how far polling has read."""
