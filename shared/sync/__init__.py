"""Sync tasks: their states, their lists, bulk actions, and the pause all workers share."""
