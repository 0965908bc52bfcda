"""Settings: where a value comes from, and what is said of a bad one."""

import json
from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.settings import load_settings


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
