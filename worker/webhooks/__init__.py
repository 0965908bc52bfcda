"""Webhook deliveries: classify and apply them."""
