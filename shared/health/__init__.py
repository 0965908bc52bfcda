"""What the parts of the system report about themselves."""
