"""The Celery edge: everything that leaves for Jira leaves from here."""
