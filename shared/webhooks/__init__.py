"""Webhook deliveries: the inbox, its lists, signatures, and whether webhooks arrive."""
