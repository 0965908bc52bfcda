"""The proof that this process was started by the `routecard dev` that runs now.

`routecard dev` makes a random text for each run, keeps it in a file of its home while it runs, and
gives it to the API process alone. A variable that stays behind in a shell or in `.env` proves
nothing: the next run has another text, and without a run there is no file.
"""

import secrets

from shared.settings import Settings, run_proof

FILE = "run-proof"


def new_proof() -> str:
    """A random text for one run."""
    return secrets.token_urlsafe(32)


def started_by_dev(settings: Settings) -> bool:
    """Whether this process was given the text of the run that uses this home now."""
    given = run_proof()
    try:
        kept = (settings.home / FILE).read_text()
    except (OSError, UnicodeDecodeError):
        return False
    return bool(kept) and secrets.compare_digest(given.encode(), kept.encode())
