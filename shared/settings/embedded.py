"""Addresses of the servers that `routecard dev` started, as it wrote them into its home."""

import json
from pathlib import Path

EMBEDDED_FILE = "embedded.json"


def read_embedded(home: Path) -> dict[str, str]:
    """Addresses by setting name; empty if no embedded server was ever started."""
    try:
        content = json.loads((home / EMBEDDED_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): str(value) for name, value in content.items()}
