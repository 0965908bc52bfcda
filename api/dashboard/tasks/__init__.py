"""Pages about sync tasks."""
