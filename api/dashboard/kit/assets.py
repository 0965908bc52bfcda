"""Style sheets, script and icon, with a hash in the address, so that browsers may cache them."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from flask import Flask, Response, abort, request

from api.auth.scopes import Unscoped, declare
from api.dashboard.kit.security import protect

FOLDER = Path(__file__).parent / "static"
_ADDRESS = "/static/"
_IMMUTABLE = "public, max-age=31536000, immutable"


def register(app: Flask) -> None:
    """Serve the files to everybody: the login page needs them too."""
    declare(_serve, Unscoped.PUBLIC)
    app.add_url_rule(f"{_ADDRESS}<name>", "assets", _serve)


def address(name: str) -> str:
    """The address of a file with its present content."""
    return f"{_ADDRESS}{name}?v={_digest(name)}"


@cache
def _files() -> dict[str, bytes]:
    """All files by name: a few dozen kilobytes."""
    return {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.is_file()}


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_files()[name]).hexdigest()[:12]


def _serve(name: str) -> Response:
    if name not in _files():
        abort(404)
    kind, _ = mimetypes.guess_type(name)
    answer = protect(Response(_files()[name], mimetype=kind or "application/octet-stream"))
    current = request.args.get("v") == _digest(name)
    answer.headers["Cache-Control"] = _IMMUTABLE if current else "no-cache"
    answer.set_etag(_digest(name))
    answer.make_conditional(request)
    return answer
