"""Filling the Jira fields of jobs from tickets."""
