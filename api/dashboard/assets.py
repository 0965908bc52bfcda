"""Style, script and icon of the pages: named by what is in them, so that browsers may keep them."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, send_from_directory

from api.access import Unscoped, declare
from api.dashboard.security import protect

FOLDER = Path(__file__).parent / "static"
_ADDRESS = "/static/"
_FOR_EVER = "public, max-age=31536000, immutable"


def register(app: Flask) -> None:
    """Serve the files, to anybody: the login page needs them too."""
    declare(_serve, Unscoped.PUBLIC)
    app.add_url_rule(f"{_ADDRESS}<name>", "assets", _serve)


def address(name: str) -> str:
    """Where a file is, as it is now."""
    return f"{_ADDRESS}{name}?v={_digest(name)}"


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]


def _serve(name: str) -> Response:
    answer = protect(send_from_directory(FOLDER, name))
    wanted = request.args.get("v")
    known = wanted is not None and wanted == _digest(name)
    answer.headers["Cache-Control"] = _FOR_EVER if known else "no-cache"
    return answer
