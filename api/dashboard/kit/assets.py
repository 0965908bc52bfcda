"""Style, script and icon of the pages: named by what is in them, so that browsers may keep them."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from flask import Flask, Response, abort, request

from api.auth.scopes import Unscoped, declare
from api.dashboard.kit.security import protect

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
def _files() -> dict[str, bytes]:
    """All of them, a few dozen kilobytes."""
    return {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.is_file()}


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_files()[name]).hexdigest()[:12]


def _serve(name: str) -> Response:
    if name not in _files():
        abort(404)
    kind, _ = mimetypes.guess_type(name)
    answer = protect(Response(_files()[name], mimetype=kind or "application/octet-stream"))
    named = request.args.get("v") == _digest(name)
    answer.headers["Cache-Control"] = _FOR_EVER if named else "no-cache"
    answer.set_etag(_digest(name))
    answer.make_conditional(request)
    return answer
