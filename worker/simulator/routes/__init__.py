"""Jira's REST routes as the simulator serves them."""
