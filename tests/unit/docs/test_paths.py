"""Documents name files, folders and pages that exist, and the map names every folder."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PACKAGES = ("api", "worker", "shared")
_NAMED = re.compile(r"`([a-z_.]+(?:/[\w.-]*)+)`")
_LINKED = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def named_paths(text: str) -> set[str]:
    """Paths in backticks that begin at the root of the repository."""
    first_parts = {path.name for path in ROOT.iterdir()}
    found = set(_NAMED.findall(text))
    return {path for path in found if path.split("/")[0] in first_parts - {".routecard"}}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_and_link_exists(page: Path) -> None:
    text = page.read_text()
    assert {path for path in named_paths(text) if not (ROOT / path).exists()} == set()
    assert {link for link in _LINKED.findall(text) if not (page.parent / link).exists()} == set()


def test_paths_are_found_in_the_documents() -> None:
    found = set().union(*(named_paths(page.read_text()) for page in PAGES))
    assert {"shared/fill/ingest.py", "worker/jira/", ".ci/install"} <= found
    assert len(found) > 50


def mapped_names() -> dict[str, set[str]]:
    """From the tree in docs/architecture.md: each package with the names it lists."""
    tree = (ROOT / "docs" / "architecture.md").read_text().split("## Where things are")[1]
    names: dict[str, set[str]] = {}
    package = ""
    for line in tree.split("```")[1].splitlines():
        if line and not line.startswith(" "):
            package = line.split("/")[0]
        elif package in PACKAGES:
            words = re.findall(r"([\w.]+?)(/|\.py)(?!\w)", line)
            names.setdefault(package, set()).update(name + end for name, end in words)
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_has_every_folder_and_module_beside_them(package: str) -> None:
    entries = [path for path in (ROOT / package).iterdir() if not path.name.startswith("__")]
    existing = {path.name + "/" * path.is_dir() for path in entries}
    assert mapped_names()[package] == existing
