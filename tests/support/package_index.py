"""A package index in a folder, with wheels that have names and metadata but no code."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile, ZipInfo


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    build: str = "",
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
) -> Path:
    """Write a wheel, with the same bytes each time.

    Of two wheels of a version, pip prefers the one with the higher ``build`` number.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}{build and f'-{build}'}-py3-none-any.whl"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    files = {
        "METADATA": "\n".join(metadata) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    names = [f"{stem}.dist-info/{name}" for name in [*files, "RECORD"]]
    with ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(ZipInfo(f"{stem}.dist-info/{file}"), text)
        archive.writestr(ZipInfo(names[-1]), "".join(f"{name},,\n" for name in names))
    return path


def sha256(path: Path) -> str:
    """A file's hash, as locks have it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_page(folder: Path, *, yanked: set[Path]) -> None:
    """List the files of one package, by the rules of PEP 503 and PEP 592."""
    links = [
        f'<a href="{path.name}"{" data-yanked" if path in yanked else ""}>{path.name}</a>'
        for path in sorted(folder.glob("*.whl"))
    ]
    page = "<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>"
    (folder / "index.html").write_text(page)
