"""Stored tickets, our copies of Jira's, and the progress of polling."""
