"""Declares a setting that is read from an environment variable."""

from typing import Any

from pydantic import Field


def env(name: str, default: Any, text: str, **limits: Any) -> Any:
    """A pydantic field: the variable's name, its default, its meaning for people, its limits."""
    return Field(default=default, validation_alias=name, description=text, **limits)
