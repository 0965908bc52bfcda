"""Keys of tickets: their form on each product, their project, and the projects that may fill."""

import time
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import SettingsError
from shared.settings import Settings, load_settings
from shared.settings.issue_keys import is_safe_key, key_rules, normal_key, project_of
from shared.settings.patterns import Pattern

CLOUD = {"JIRA_DEPLOYMENT": "cloud"}
DATACENTER = {"JIRA_DEPLOYMENT": "datacenter"}
BOTH = ["PI-42", "A_B-1", "PI2-7"]
CHOSEN = ["4ME-12", "X-7", "B7-214-68901", "2024A-1", "ÄÖ-3", "製造-8"]
NEVER = [
    "",
    "PI",
    "42",
    "PI-",
    "-42",
    "PI-0",
    "PI-042",
    "PI 42",
    "PI-42 OR 1-1",
    'PI"-42',
    "PI'-42",
    "PI/1-42",
    "../X-1",
    "PI\\-42",
    "PI-42\n7",
    "PI\x00-42",
    "P\u200bI-42",
    "P\u202eI-42",
    "\ud800-42",
    "2024-11",
    "P" * 253 + "-42",
    "PI-" + "4" * 260,
]


def settings(**environment: Any) -> Settings:
    """Settings of this environment."""
    return Settings(**environment)


@pytest.mark.parametrize("key", BOTH)
def test_usual_keys_are_keys_of_both_products(key: str) -> None:
    assert key_rules(settings(**CLOUD)).fits(key)
    assert key_rules(settings(**DATACENTER)).fits(key)


@pytest.mark.parametrize("key", CHOSEN)
def test_keys_that_a_data_center_site_chose_are_keys_there_only(key: str) -> None:
    assert key_rules(settings(**DATACENTER)).fits(key)
    assert not key_rules(settings(**CLOUD)).fits(key)


@pytest.mark.parametrize("key", NEVER)
def test_other_texts_are_keys_nowhere(key: str) -> None:
    assert not key_rules(settings(**CLOUD)).fits(key)
    assert not key_rules(settings(**DATACENTER)).fits(key)


@pytest.mark.parametrize(
    "key", ["PI 42", 'PI"-42', "PI/1-42", "PI\x00-42", "P\u200bI-42", "X" * 300]
)
def test_no_pattern_of_a_site_makes_an_unsafe_text_a_key(key: str) -> None:
    assert not key_rules(settings(JIRA_KEY_PATTERN="(?s).*")).fits(key)
    assert not is_safe_key(key)


def test_a_pattern_of_ones_own_replaces_the_default_and_is_for_the_whole_key() -> None:
    rules = key_rules(settings(**CLOUD, JIRA_KEY_PATTERN=r"W[0-9]{3}-[0-9]+"))
    assert rules.fits("W001-7")
    assert not rules.fits("PI-42")
    assert not rules.fits("W001-7-X-1")


@pytest.mark.parametrize(
    ("environment", "generous"),
    [
        ({}, False),
        ({"JIRA_PAT": "x"}, True),
        ({"JIRA_PAT": "x", "JIRA_EMAIL": "a@b", "JIRA_API_TOKEN": "y"}, False),
        ({"JIRA_PAT": "x", "JIRA_BASE_URL": "https://shop.atlassian.net"}, False),
        ({"JIRA_PAT": "x", "JIRA_BASE_URL": "https://api.atlassian.com/ex/jira/1"}, False),
        ({"JIRA_PAT": "x", "JIRA_BASE_URL": "https://old.jira.com"}, False),
        ({"JIRA_PAT": "x", "JIRA_BASE_URL": "https://jira.shop.example"}, True),
        ({"JIRA_EMAIL": "a", "JIRA_API_TOKEN": "y", "JIRA_DEPLOYMENT": "datacenter"}, True),
        ({"JIRA_PAT": "x", "JIRA_DEPLOYMENT": "cloud"}, False),
    ],
)
def test_the_product_is_told_by_the_settings_alone(
    environment: dict[str, str], *, generous: bool
) -> None:
    assert key_rules(settings(**environment)).fits("4ME-12") == generous


def test_the_project_of_a_key_is_all_before_its_last_hyphen() -> None:
    assert project_of("PI-42") == "PI"
    assert project_of("B7-214-68901") == "B7-214"


def test_only_the_projects_of_the_settings_may_fill_and_none_or_a_star_is_all() -> None:
    rules = key_rules(settings(JIRA_PROJECT=" pi,B7-214 ,pi"))
    assert rules.projects == ("PI", "B7-214")
    assert [rules.allows(k) for k in ("PI-1", "B7-214-5", "B7-21", "PIX-1", "P-1")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert key_rules(settings(JIRA_PROJECT="*")).allows("SECRET-9")
    assert key_rules(settings()).allows("SECRET-9")


@pytest.mark.parametrize(
    "wrong", ["Production Intake", 'PI"', "PI,*", "*,*X", "10000", "PI;TL", "P/I"]
)
def test_what_is_no_key_of_a_project_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValidationError, match="takes keys of projects"):
        settings(JIRA_PROJECT=wrong)


def test_letters_are_capitalised_only_where_that_makes_no_other_key() -> None:
    assert normal_key(" pi-42 ") == "PI-42"
    assert normal_key("äö-3") == "ÄÖ-3"
    assert not key_rules(settings(**CLOUD)).fits(normal_key("p\u0131-42"))
    assert not key_rules(settings(**CLOUD)).fits(normal_key("\u017fi-42"))


@pytest.mark.parametrize("name", ["JIRA_KEY_PATTERN", "JIRA_PART_NUMBER_PATTERN"])
@pytest.mark.parametrize("pattern", ["([", r"(?=A)B", r"(A)\1", "(?<!x)y", "A{1,5000}"])
def test_a_pattern_that_cannot_be_used_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, pattern: str
) -> None:
    monkeypatch.setenv(name, pattern)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert name in refused.value.message
    assert "regular expression of RE2" in refused.value.message


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", "((a?){40}){20}a{40}"])
def test_no_pattern_and_no_text_takes_long(pattern: str) -> None:
    """A matcher with backtracking would need longer than the universe has."""
    found, text = Pattern(pattern), "a" * 20_000 + "!"
    began = time.monotonic()
    found.find(text)
    found.fits(text)
    assert time.monotonic() - began < 10


def test_a_text_with_half_a_character_matches_nothing() -> None:
    assert Pattern(".*").find("a\ud800") is None
    assert not Pattern(".*").fits("\ud800")
