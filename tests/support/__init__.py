"""Helpers for tests of every kind."""
