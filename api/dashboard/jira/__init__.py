"""The page about Jira."""
