"""The locks in requirements/: what they pin, and from which requirements each was made."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS: dict[str, list[str]] = {"base": [], "dev": ["embedded"], "test": ["embedded", "test"]}
LOCKS = [*EXTRAS, "build"]


@dataclass(frozen=True)
class Pin:
    """One entry of a lock."""

    requirement: Requirement
    options: list[str]

    @property
    def name(self) -> str:
        """The package's name in its canonical form."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The version it is pinned to."""
        (specifier,) = self.requirement.specifier
        return specifier.version

    @property
    def applies(self) -> bool:
        """Whether it is for the Python and the system that run this."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def path(lock: str) -> Path:
    """The file of a lock."""
    return ROOT / "requirements" / f"{lock}.txt"


def pins(lock: str) -> list[Pin]:
    """All entries of a lock, those for other systems too."""
    entries = re.sub(r"\\\n\s*", "", path(lock).read_text()).splitlines()
    return [_pin(entry) for entry in entries]


def _pin(entry: str) -> Pin:
    requirement, *options = re.split(r"\s+(?=--)", entry)
    return Pin(Requirement(requirement), options)


def requirements(lock: str) -> list[Requirement]:
    """What the lock is made from."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = document["project"]
    if lock == "build":
        tools = (ROOT / "requirements" / "build.in").read_text().split()
        return [Requirement(text) for text in [*document["build-system"]["requires"], *tools]]
    extras = [text for extra in EXTRAS[lock] for text in project["optional-dependencies"][extra]]
    return [Requirement(text) for text in [*project["dependencies"], *extras]]
