"""Pages about webhook deliveries."""
