"""Applying webhook deliveries."""
