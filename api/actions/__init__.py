"""What operators do to all that match, as part of a request."""
