"""The pages of settings agree with the settings."""

import re
from pathlib import Path

import pytest
import yaml

from shared.settings import Settings, pages

ROOT = Path(__file__).parents[3]


def test_the_example_environment_is_the_one_written_from_the_settings() -> None:
    assert (ROOT / ".env.example").read_text() == pages.env_example(), "run `make docs`"


def test_the_page_of_settings_is_the_one_written_from_the_settings() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == pages.page(), "run `make docs`"


def test_every_setting_is_explained_and_every_secret_marked() -> None:
    lines = {line.name: line for line in pages.lines()}

    assert len(lines) == len(Settings.model_fields)
    assert all(line.text.endswith(".") for line in lines.values())
    secrets = {name for name, line in lines.items() if line.secret}
    assert secrets >= {"DATABASE_URL", "JIRA_API_TOKEN", "JIRA_PAT", "JIRA_WEBHOOK_SECRET"}


def test_the_example_environment_changes_nothing_when_it_is_used_as_it_is() -> None:
    text = (ROOT / ".env.example").read_text()
    given = dict(re.findall(r"^#([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert given

    used = Settings(**{name: value for name, value in given.items() if value})
    assert used.model_dump() == Settings().model_dump()


def test_compose_and_docs_name_no_setting_that_does_not_exist() -> None:
    known = {line.name for line in pages.lines()}
    for page in ("README.md", "docs/runbook.md", "docker-compose.yml"):
        text = (ROOT / page).read_text()
        named = set(re.findall(r"\b(?:ROUTECARD|JIRA)_[A-Z_]+\b", text))
        assert named, page
        assert named <= known, page


def test_compose_publishes_on_loopback_alone() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", ["HOME", "HOST", "PORT", "home", "AUTH", "LOG_LEVEL"])
def test_variables_of_the_shell_are_not_taken_for_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Settings().model_dump()

    monkeypatch.setenv(name, "1")

    assert Settings().model_dump() == expected
