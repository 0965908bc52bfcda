"""Rows of the database, and calls that make and read them."""
