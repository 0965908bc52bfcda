"""Sync tasks: claim due ones, read their tickets, settle them; sweep expired leases."""
