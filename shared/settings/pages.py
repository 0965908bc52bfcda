"""Writes `.env.example` and `docs/settings.md` from Settings: `python -m shared.settings.pages`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shared.settings.model import Settings

_ENV_HEAD = """\
# Every setting of Routecard, with its default. Copy to `.env`, change what you need.
# Every command reads `.env` in its working folder; what the environment sets wins.
# Written by `make docs` from shared/settings/model.py.
"""
_PAGE_HEAD = """\
# Settings

Every command takes each setting from the first of these places that has it:

1. the command's own arguments,
2. the environment,
3. the file `.env` in the working folder,
4. what `routecard dev` left in `ROUTECARD_HOME`: the addresses of its database and its broker, and,
   while no `JIRA_BASE_URL` is set, the simulated Jira.

An empty value counts as not set. Settings are read and checked once, when a command starts. If one
is not usable, the command names it, says what to do and ends with exit code 2. The value of a
secret is never printed. Secrets that are short, repeat themselves or are known words are refused;
`openssl rand -hex 32` makes a good one.

This page is written by `make docs` from `shared/settings/model.py`; `.env.example` holds the same.

| setting | default | meaning |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as people see it."""

    name: str
    default: str
    secret: bool
    text: str


def lines() -> Iterator[Line]:
    """All settings in the order of the class, then those that it inherits."""
    own = Settings.__annotations__
    fields = sorted(Settings.model_fields.items(), key=lambda item: item[0] not in own)
    for _, field in fields:
        name = str(field.validation_alias)
        secret = "SecretStr" in str(field.annotation)
        yield Line(name, _shown(field.default), secret, field.description or "")


def env_example() -> str:
    """The content of `.env.example`."""
    return _ENV_HEAD + "".join(
        f"\n# {line.text}\n#{line.name}={line.default}\n" for line in lines()
    )


def page() -> str:
    """The content of `docs/settings.md`."""
    return _PAGE_HEAD + "".join(f"{_row(line)}\n" for line in lines())


def _row(line: Line) -> str:
    default = f"`{line.default}`" if line.default else "none"
    text = line.text.replace("|", "\\|")
    return f"| `{line.name}` | {default} | {text}{' Secret.' if line.secret else ''} |"


def _shown(default: Any) -> str:
    if default is None or default == ():
        return ""
    return "" if isinstance(default, SecretStr) else str(default)


def main() -> None:
    """Write both files into the working directory, the repository's root."""
    Path(".env.example").write_text(env_example())
    Path("docs", "settings.md").write_text(page())


if __name__ == "__main__":
    main()
