"""Settings: the source of a value, and the message for a bad one."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from shared.broker.celery_app import make_celery
from shared.errors import SettingsError
from shared.settings import Settings, load_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which `routecard dev` has run with a simulated Jira."""
    for name in ("JIRA_BASE_URL", "JIRA_EMAIL", "JIRA_PROJECT", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTECARD_HOME", str(tmp_path))
    known = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "JIRA_BASE_URL": "http://127.0.0.1:8090",
        "JIRA_EMAIL": "dev@routecard.example",
        "JIRA_PAT": "",
        "JIRA_PROJECT": "PI",
    }
    (tmp_path / "embedded.json").write_text(json.dumps(known))
    return tmp_path


@pytest.mark.usefixtures("home")
def test_a_command_beside_dev_finds_its_broker_and_its_simulated_jira() -> None:
    settings = load_settings()
    assert settings.redis_dsn() == "redis://127.0.0.1:1/0"
    assert settings.jira_base_url == "http://127.0.0.1:8090"
    assert (settings.jira_project, settings.jira_pat) == (("PI",), None)


@pytest.mark.usefixtures("home")
def test_a_jira_of_the_environment_is_never_mixed_with_the_simulated_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JIRA_BASE_URL", "https://shop.example")
    settings = load_settings()
    assert (settings.jira_base_url, settings.jira_email) == ("https://shop.example", "")


@pytest.mark.usefixtures("home")
def test_dev_itself_asks_only_for_a_jira_of_ones_own() -> None:
    assert load_settings(own_jira=True).jira_base_url == ""


@pytest.mark.usefixtures("home")
def test_a_bad_setting_names_itself_and_its_meaning_but_not_its_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://u:hunter2@h/x")
    monkeypatch.setenv("ROUTECARD_PORT", "door")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "DATABASE_URL: must be a PostgreSQL address" in refused.value.message
    assert "ROUTECARD_PORT" in refused.value.message
    assert "hunter2" not in refused.value.message


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("timeout", "lease", "least"), [("60", None, "160"), ("20", "59", "60"), ("2", "12", "12.5")]
)
def test_a_lease_too_short_for_a_slow_jira_is_refused_with_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, timeout: str, lease: str | None, least: str
) -> None:
    monkeypatch.setenv("JIRA_TIMEOUT_SECONDS", timeout)
    if lease is not None:
        monkeypatch.setenv("ROUTECARD_LEASE_SECONDS", lease)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    words = f"with JIRA_TIMEOUT_SECONDS at {timeout} it must be at least {least}, or"
    assert words in str(refusal.value)
    monkeypatch.setenv("ROUTECARD_LEASE_SECONDS", least)
    assert load_settings().lease_seconds == float(least)


@pytest.mark.parametrize("timeout", [0.1, 1.0, 3.0, 20.0, 60.0])
@pytest.mark.parametrize("lease", [1.0, 8.0, 60.0, 90.0, 600.0])
def test_the_limits_are_in_order_whatever_settings_are_accepted(
    timeout: float, lease: float
) -> None:
    try:
        settings = Settings(JIRA_TIMEOUT_SECONDS=timeout, ROUTECARD_LEASE_SECONDS=lease)
    except ValidationError:
        assert lease < 3 * timeout + 3
        return
    assert 0 < settings.drain_seconds <= lease / 2
    assert settings.drain_seconds + 2 * settings.call_seconds < settings.drain_limit < lease
    celery = make_celery(settings.model_copy(update={"redis_url": SecretStr("redis://x:1/0")}))
    assert lease < celery.conf.broker_transport_options["visibility_timeout"]
