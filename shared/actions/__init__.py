"""What operators do to sync tasks and deliveries: to one, or to all that match a filter."""
