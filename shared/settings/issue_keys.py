"""Keys of tickets: their form, their project, and which projects may fill jobs.

The form is JIRA_KEY_PATTERN's (JIRA.md, section 8). Keys that Jira itself sent need not have it:
the pattern of the site is what the site sends. Whatever the source, a key is made of letters,
digits, ``.``, ``_`` and ``-``, and ends in a hyphen and a number.
"""

from dataclasses import dataclass
from functools import lru_cache

from shared.settings.deployment import deduced
from shared.settings.model import Deployment, Settings
from shared.settings.patterns import Pattern, compiled

CLOUD_PATTERN = r"[A-Z][A-Z0-9_]{1,254}-[1-9][0-9]*"
"""Jira Cloud's own pattern."""
DATACENTER_PATTERN = r"(?:\p{N}[\p{L}\p{M}\p{N}_-]*)?\p{L}[\p{L}\p{M}\p{N}_-]*-[1-9][0-9]*"
"""For sites that choose their own: 4ME-12, X-7, B7-214-68901. The project holds a letter."""

_LONGEST = 255
_SAFE = Pattern(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}._-]*-[1-9][0-9]*")


def normal_key(text: str) -> str:
    """A key as Jira writes it: trimmed and in capitals.

    A letter whose capital has another small letter, such as the dotless i, stays as it is: it
    would turn into another key.
    """
    text = text.strip()
    return text.upper() if text.isascii() else "".join(map(_capital, text))


def _capital(letter: str) -> str:
    capital = letter.upper()
    return capital if capital.lower() == letter else letter


def is_safe_key(text: str) -> bool:
    """Whether a normal key, such as Jira sent it, can be stored, sent and shown."""
    return len(text) <= _LONGEST and _SAFE.fits(text)


def project_of(key: str) -> str:
    """The project of a key: all before its last hyphen."""
    return key.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What this site's keys look like, and the projects that may fill jobs (empty: all)."""

    pattern: Pattern
    projects: tuple[str, ...] = ()

    def fits(self, key: str) -> bool:
        """Whether a normal key has the form that JIRA_KEY_PATTERN asks for."""
        return is_safe_key(key) and self.pattern.fits(key)

    def allows(self, key: str) -> bool:
        """Whether the ticket with this normal key is in a project that may fill jobs."""
        return not self.projects or project_of(key) in self.projects


def key_rules(settings: Settings) -> KeyRules:
    """The rules of these settings."""
    return _rules(key_pattern(settings), settings.allowed_projects)


def key_pattern(settings: Settings) -> str:
    """JIRA_KEY_PATTERN, or the default of the product that the settings tell of."""
    if settings.jira_key_pattern:
        return settings.jira_key_pattern
    kind = settings.jira_deployment
    if kind is Deployment.AUTO:
        kind, _reason = deduced(settings)
    return CLOUD_PATTERN if kind is Deployment.CLOUD else DATACENTER_PATTERN


@lru_cache(maxsize=32)
def _rules(pattern: str, projects: tuple[str, ...]) -> KeyRules:
    return KeyRules(compiled(pattern), projects)
