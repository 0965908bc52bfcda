"""Weak secrets are refused at start, with a message that says how to make one."""

import hashlib
import secrets
from typing import Any

import pytest

from shared.errors import SettingsError
from shared.settings import load_settings, process_environment
from worker.simulator import defaults

KEY = "ROUTECARD_SECRET_KEY"
HOOK = "JIRA_WEBHOOK_SECRET"
FORMER = "JIRA_WEBHOOK_SECRET_PREVIOUS"
TOKEN = "JIRA_WEBHOOK_TOKEN_HASH"


@pytest.fixture(autouse=True)
def _clean(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in process_environment():
        if name.startswith(("ROUTECARD_", "JIRA_", "DATABASE_URL", "REDIS_URL")):
            monkeypatch.delenv(name)


def sha256(text: str) -> str:
    """In hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (KEY, "short"),
        (KEY, "13bd86423348de0710133aefbfd0e4"),
        (KEY, "a" * 64),
        (KEY, "0123456789" * 5),
        (KEY, "change-me" * 5),
        (KEY, "change_me_to_something_long_and_random"),
        (KEY, "django-insecure-0f3k2l9dk2m3n4b5v6c7x8z9"),
        (KEY, "your-secret-key-goes-here-please-now"),
        (KEY, "abcd1" * 8),
        (HOOK, "wire"),
        (HOOK, "secret"),
        (HOOK, "x" * 40),
        (HOOK, "passwordpassword"),
        (HOOK, "change-me-change-me"),
        (FORMER, "former"),
        ("JIRA_WEBHOOK_PASSWORD", "hunter2"),
        (TOKEN, sha256("")),
        (TOKEN, sha256("\n")),
        (TOKEN, sha256("").upper()),
        (TOKEN, sha256("secret")),
        (TOKEN, sha256("change-me\n")),
    ],
)
def test_a_weak_secret_is_refused_with_its_name_and_a_remedy_but_not_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert f"{name}: " in refused.value.message
    assert "openssl rand -hex 32" in refused.value.message
    assert len(value) < 8 or value not in refused.value.message


@pytest.mark.parametrize(
    "value", ["It's a Secret to Everybody", "s3cr3t-of-the-shop-on-hill", "0123456789abcdef" * 2]
)
def test_a_secret_of_words_is_accepted_if_it_is_long(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOOK, value)
    assert load_settings().jira_webhook_secret is not None


@pytest.mark.parametrize("make", [secrets.token_hex, secrets.token_urlsafe])
def test_a_random_secret_is_accepted(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, make(32))
    monkeypatch.setenv(HOOK, make(16))
    monkeypatch.setenv(TOKEN, sha256(make(32)))
    assert load_settings().secret_key is not None


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({}, True),
        ({"JIRA_BASE_URL": "http://127.0.0.1:8090"}, True),
        ({"JIRA_BASE_URL": "https://shop.atlassian.net"}, False),
        ({"JIRA_BASE_URL": "http://simulator:8090"}, False),
        ({"ROUTECARD_HOST": "0.0.0.0"}, False),  # noqa: S104  compared, not bound
    ],
)
@pytest.mark.parametrize("name", [HOOK, FORMER])
def test_the_simulators_secret_is_for_one_machine(
    name: str,
    changes: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    accepted: bool,
) -> None:
    for setting, value in {name: defaults.WEBHOOK_SECRET, **changes}.items():
        monkeypatch.setenv(setting, value)
    if accepted:
        load_settings()
        return
    with pytest.raises(SettingsError, match="simulator publishes"):
        load_settings()


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("http://jira.shop.example", True),
        ("http://10.0.0.7:8080", True),
        ("https://jira.shop.example", False),
        ("http://127.0.0.1:8090", False),
        ("http://[::1]:8090", False),
        ("http://localhost:8090", False),
        ("http://localhost.shop.example", True),
    ],
)
def test_plain_http_is_told_from_tls_and_from_this_machine(
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    plain: bool,
) -> None:
    monkeypatch.setenv("JIRA_BASE_URL", address)
    assert load_settings().plain_jira is plain
