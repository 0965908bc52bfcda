"""Settings of the way to Jira: addresses as people paste them, headers, files, proxies."""

import pytest
from pydantic import SecretStr

from shared.errors import SettingsError
from shared.settings import Settings, load_settings
from shared.settings.jira_address import jira_address


@pytest.mark.parametrize(
    ("pasted", "base"),
    [
        ("https://jira.example/rest/api/2/", "https://jira.example"),
        ("https://jira.example/rest/api/3", "https://jira.example"),
        ("https://jira.example/rest/api/latest/", "https://jira.example"),
        ("https://jira.example/rest", "https://jira.example"),
        (" https://jira.example/// ", "https://jira.example"),
        ("HTTPS://jira.example:8443/jira", "https://jira.example:8443/jira"),
        ("https://jira.example/jira/rest/api/2", "https://jira.example/jira"),
        ("https://jira.example/jira/secure/Dashboard.jspa", "https://jira.example/jira"),
        ("https://jira.example/browse/PI-42", "https://jira.example"),
        ("https://jira.example/restaurant", "https://jira.example/restaurant"),
        ("https://shop.atlassian.net/jira/your-work", "https://shop.atlassian.net"),
        (
            "https://api.atlassian.com/ex/jira/1-2/rest/api/3",
            "https://api.atlassian.com/ex/jira/1-2",
        ),
        ("http://[::1]:8090/", "http://[::1]:8090"),
        ("", ""),
    ],
)
def test_an_address_is_cut_to_the_base_of_jira(pasted: str, base: str) -> None:
    assert jira_address(pasted) == base


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("jira.example", "must begin with http"),
        ("ftp://jira.example", "must begin with http"),
        ("https://", "must name a host"),
        ("https://:443", "must name a host"),
        ("https://jira.example:port", "must name a host"),
        ("https://[::1", "must name a host"),
        ("https://ada:hush@jira.example", "JIRA_EMAIL and JIRA_API_TOKEN"),
        ("https://hush@jira.example", "JIRA_EMAIL and JIRA_API_TOKEN"),
        ("https://jira.example/?token=hush", "without `?`"),
        ("https://jira.example/#hush", "without `?`"),
        ("https://jira .example", "white space"),
        ("https://jira.example\u200b", "white space or control"),
    ],
)
def test_an_address_that_cannot_be_jiras_is_refused_at_the_start_without_its_secrets(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_BASE_URL", address)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "JIRA_BASE_URL: " in refused.value.message
    assert words in refused.value.message
    assert "hush" not in refused.value.message


def test_extra_headers_are_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '{"CF-Access-Client-Id": "an-id", "CF-Access-Client-Secret": " hush;=$:\\" "}'
    monkeypatch.setenv("JIRA_EXTRA_HEADERS", text)
    settings = load_settings()
    assert settings.extra_headers == {
        "CF-Access-Client-Id": "an-id",
        "CF-Access-Client-Secret": 'hush;=$:"',
    }
    assert "hush" not in f"{settings!r} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X-Key: hush", "must be a JSON object"),
        ('["hush"]', "must be a JSON object"),
        ('{"X-Key": "hush\\nX-Other: y"}', "gives X-Key a value with characters"),
        ('{"X-Key": "hush\\u00e9"}', "gives X-Key a value with characters"),
        ('{"X-Key": ""}', "must give X-Key a text"),
        ('{"X-Key": 7}', "must give X-Key a text"),
        ('{"X Key": "hush"}', "holds a name that is not one of a header"),
        ('{"X\\r\\nKey": "hush"}', "holds a name that is not one of a header"),
        ('{"authorization": "hush"}', "must not hold authorization"),
        ('{"Host": "hush"}', "must not hold Host"),
        ('{"Content-Length": "hush"}', "must not hold Content-Length"),
        ('{"Content-Type": "hush"}', "must not hold Content-Type"),
    ],
)
def test_extra_headers_that_cannot_be_sent_are_refused_at_the_start(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_EXTRA_HEADERS", text)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "JIRA_EXTRA_HEADERS: " in refused.value.message
    assert words in refused.value.message
    assert "hush" not in refused.value.message


def test_a_client_key_without_its_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="JIRA_CLIENT_KEY is set without JIRA_CLIENT_CERT"):
        Settings(JIRA_CLIENT_KEY="/key.pem")


@pytest.mark.parametrize(
    ("values", "scheme", "setting"),
    [
        ({"https_proxy": "http://s:1", "http_proxy": "http://p:1"}, "https", "HTTPS_PROXY"),
        ({"https_proxy": "http://s:1", "http_proxy": "http://p:1"}, "http", "HTTP_PROXY"),
        ({"http_proxy": "http://p:1", "all_proxy": "http://a:1"}, "https", "ALL_PROXY"),
    ],
)
def test_each_scheme_has_its_own_proxy(values: dict[str, str], scheme: str, setting: str) -> None:
    settings = Settings(**{name: SecretStr(value) for name, value in values.items()})
    named = settings.proxy_of(scheme)
    assert named is not None
    assert named[0] == setting
