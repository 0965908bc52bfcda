"""Where a setting comes from: the environment, `.env`, or what `routecard dev` left behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.errors import SettingsError
from shared.settings import load_settings, process_environment
from worker.commands.processes.simulator import config
from worker.dev.home import Home
from worker.dev.plan import Plan
from worker.simulator import defaults
from worker.simulator.config import Deployment as Product

LEFT_BEHIND = {
    "DATABASE_URL": "postgresql://embedded/x",
    "REDIS_URL": "redis://embedded:1/0",
    "JIRA_BASE_URL": "http://127.0.0.1:8090",
    "JIRA_EMAIL": defaults.EMAIL,
    "JIRA_API_TOKEN": defaults.API_TOKEN,
    "JIRA_PROJECT": "PI",
    "JIRA_FIELD_PART_NUMBER": defaults.FIELD_PART_NUMBER,
    "JIRA_WEBHOOK_SECRET": defaults.WEBHOOK_SECRET,
}
MINE = "a webhook secret of the shop"
OTHER = "another webhook secret of it"


class Places:
    """The places that settings are read from."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        for name in process_environment():
            if name.startswith(("ROUTECARD_", "JIRA_", "DATABASE_URL", "REDIS_URL")):
                monkeypatch.delenv(name)
        monkeypatch.chdir(folder)
        (folder / ".routecard").mkdir()
        (folder / ".routecard" / "embedded.json").write_text(json.dumps(LEFT_BEHIND))

    def give(self, *, env: dict[str, str], env_file: dict[str, str]) -> None:
        """Set the environment and write `.env`."""
        for name, value in env.items():
            self._monkeypatch.setenv(name, value)
        lines = [f'{name}="{value}"\n' for name, value in env_file.items()]
        (self.folder / ".env").write_text("".join(lines))


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A folder in which `routecard dev` has run with a simulated Jira, and a clean environment."""
    return Places(tmp_path, monkeypatch)


SECRET = "JIRA_WEBHOOK_SECRET"
OWN_JIRA = {"JIRA_BASE_URL": "https://shop.example"}


@pytest.mark.parametrize(
    ("env", "env_file", "name", "expected"),
    [
        ({}, {}, SECRET, defaults.WEBHOOK_SECRET),
        ({SECRET: MINE}, {}, SECRET, MINE),
        ({}, {SECRET: MINE}, SECRET, MINE),
        ({SECRET: MINE}, {SECRET: OTHER}, SECRET, MINE),
        ({SECRET: ""}, {SECRET: OTHER}, SECRET, OTHER),
        ({"JIRA_PROJECT": "AB"}, {}, SECRET, defaults.WEBHOOK_SECRET),
        ({"JIRA_PROJECT": "AB"}, {"JIRA_PROJECT": "CD"}, "JIRA_PROJECT", ("AB",)),
        ({}, {"JIRA_PROJECT": "CD"}, "JIRA_PROJECT", ("CD",)),
        ({}, {}, "JIRA_PROJECT", ("PI",)),
        ({"JIRA_EMAIL": "me@shop.example"}, {}, "JIRA_EMAIL", "me@shop.example"),
        (OWN_JIRA, {}, SECRET, None),
        ({}, OWN_JIRA, SECRET, None),
        ({}, OWN_JIRA, "JIRA_API_TOKEN", None),
        ({}, OWN_JIRA, "JIRA_EMAIL", ""),
        (OWN_JIRA, {}, "JIRA_PROJECT", ()),
        (OWN_JIRA, {}, "JIRA_FIELD_PART_NUMBER", ""),
        (OWN_JIRA, {SECRET: MINE}, SECRET, MINE),
        ({"DATABASE_URL": "postgresql://env/x"}, {}, "DATABASE_URL", "postgresql://env/x"),
        ({}, {"DATABASE_URL": "postgresql://file/x"}, "DATABASE_URL", "postgresql://file/x"),
        ({}, {}, "DATABASE_URL", LEFT_BEHIND["DATABASE_URL"]),
        ({"ROUTECARD_PORT": "4001"}, {"ROUTECARD_PORT": "4002"}, "ROUTECARD_PORT", 4001),
        ({}, {"ROUTECARD_PORT": "4002"}, "ROUTECARD_PORT", 4002),
        ({}, {"ROUTECARD_HOME": "elsewhere"}, SECRET, None),
    ],
)
def test_each_setting_comes_from_the_first_place_that_has_it(
    places: Places, env: dict[str, str], env_file: dict[str, str], name: str, expected: Any
) -> None:
    places.give(env=env, env_file=env_file)
    settings = load_settings()
    if name == "DATABASE_URL":
        found: Any = settings.database_dsn().replace("+psycopg", "")
    else:
        fields = type(settings).model_fields.items()
        field = next(field for field, info in fields if info.validation_alias == name)
        found = getattr(settings, field)
        found = found.get_secret_value() if hasattr(found, "get_secret_value") else found
    assert found == expected


@pytest.mark.parametrize("content", [b"\xff\xfe", None], ids=["not UTF-8", "a folder"])
def test_an_env_file_that_cannot_be_read_is_named(places: Places, content: bytes | None) -> None:
    if content is None:
        (places.folder / ".env").mkdir()
        assert load_settings().port == 3000
        return
    (places.folder / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=r"\.env"):
        load_settings()


def plan(places: Places) -> Plan:
    """What `routecard dev` would start, without its servers."""
    home = Home(places.folder / ".routecard")
    settings = load_settings(own_jira=True)
    return Plan(home=home, settings=settings, postgres=None, valkey=None)


@pytest.mark.parametrize("place", ["env", "env_file"])
def test_dev_with_a_jira_of_ones_own_starts_no_simulator_and_hands_on_none_of_its_secrets(
    places: Places, place: str
) -> None:
    given: dict[str, dict[str, str]] = {"env": {}, "env_file": {}, place: OWN_JIRA}
    places.give(**given)
    made = plan(places)
    assert "simulator" not in {program.name for stage in made.stages() for program in stage}
    handed_on = made.environment()
    assert defaults.WEBHOOK_SECRET not in handed_on.values()
    assert defaults.API_TOKEN not in handed_on.values()
    made.prepare()
    assert json.loads((made.home.path / "embedded.json").read_text()) == {}
    assert load_settings().jira_webhook_secret is None


def test_dev_with_its_simulator_keeps_the_settings_that_were_given(places: Places) -> None:
    places.give(env={SECRET: MINE}, env_file={"JIRA_PROJECT": "TL"})
    handed_on = plan(places).environment()
    assert handed_on[SECRET] == MINE
    assert "JIRA_PROJECT" not in handed_on  # the children read the same `.env`
    assert handed_on["JIRA_BASE_URL"] == "http://127.0.0.1:8090"


@pytest.mark.parametrize(
    ("given", "product", "credentials"),
    [
        ({}, Product.CLOUD, (defaults.EMAIL, defaults.API_TOKEN, defaults.PAT)),
        (
            {"JIRA_EMAIL": "me@shop.example", "JIRA_API_TOKEN": "mine"},
            Product.CLOUD,
            ("me@shop.example", "mine", defaults.PAT),
        ),
        ({"JIRA_PAT": "mine"}, Product.SERVER, (defaults.EMAIL, defaults.API_TOKEN, "mine")),
        (
            {"JIRA_DEPLOYMENT": "datacenter"},
            Product.SERVER,
            (defaults.EMAIL, defaults.API_TOKEN, defaults.PAT),
        ),
    ],
)
def test_the_simulator_accepts_the_credentials_that_were_given(
    places: Places, given: dict[str, str], product: Product, credentials: tuple[str, str, str]
) -> None:
    places.give(env=given, env_file={})
    made = config(load_settings())
    assert made.deployment is product
    assert (made.email, made.api_token, made.pat) == credentials
