"""The whole stack, as a stranger starts it."""
