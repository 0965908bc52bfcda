"""Data and rules of both edges: models, states, SQL, settings."""
