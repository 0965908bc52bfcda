"""Webhooks that the simulator sends."""
