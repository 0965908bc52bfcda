"""What an HTTP answer of Jira means."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from requests import PreparedRequest, Response

from shared.states import WaitCode
from worker.jira.errors import (
    CallRefused,
    JiraCaptchaLock,
    JiraCredentialsRefused,
    JiraError,
    JiraLimited,
    JiraScopeMissing,
    JiraUnavailable,
)
from worker.jira.http.connection import limit_is_near
from worker.jira.http.responses import account_of, check_response

NOW = datetime(2026, 11, 23, 10, 40, 0, tzinfo=UTC)
JSON = {"Content-Type": "application/json;charset=UTF-8"}
HTML = {"Content-Type": "text/html;charset=UTF-8"}


ASKED = "http://jira.example/rest/api/2/myself"


def answer(status: int, body: str = "{}", headers: dict[str, str] | None = None) -> Response:
    response = Response()
    response.url = ASKED
    response.status_code = status
    response.headers.update(JSON if headers is None else headers)
    response.raw = BytesIO(body.encode())
    return response


def error_of(status: int, body: str = "{}", headers: dict[str, str] | None = None) -> JiraError:
    with pytest.raises(JiraError) as refused:
        check_response(answer(status, body, headers), now=NOW)
    assert refused.value.status == status
    return refused.value


@pytest.mark.parametrize(
    "kind", ["application/json", "application/problem+json", "Application/JSON"]
)
def test_json_with_a_good_status_passes(kind: str) -> None:
    check_response(answer(200, '{"issues": []}', {"Content-Type": kind}), now=NOW)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500])
def test_a_failed_log_in_is_seen_on_every_status(status: int) -> None:
    error = error_of(status, headers=JSON | {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
    assert isinstance(error, JiraCredentialsRefused)
    assert error.wait_code is WaitCode.CREDENTIALS_REFUSED


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"},
        {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=https://x/login.jsp"},
        {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED, AUTHENTICATION_DENIED"},
    ],
)
@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_captcha_lock_is_seen_before_anything_else(status: int, headers: dict[str, str]) -> None:
    error = error_of(status, headers=HTML | headers)
    assert isinstance(error, JiraCaptchaLock)
    assert error.wait_code is WaitCode.CAPTCHA_LOCK


def test_a_good_log_in_header_is_no_trouble() -> None:
    check_response(answer(200, headers=JSON | {"X-Seraph-LoginReason": "OK"}), now=NOW)


@pytest.mark.parametrize("headers", [JSON, HTML, {}])
def test_401_in_any_dress_means_the_credentials(headers: dict[str, str]) -> None:
    assert isinstance(error_of(401, "<html>", headers), JiraCredentialsRefused)


def test_429_carries_how_long_and_why() -> None:
    error = error_of(
        429, headers=HTML | {"Retry-After": "1.5", "RateLimit-Reason": "jira-burst-based"}
    )
    assert isinstance(error, JiraLimited)
    assert (error.retry_after, error.reason) == (1.5, "jira-burst-based")
    assert error.wait_code is WaitCode.RATE_LIMITED
    assert error_of(429).retry_after is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 407, 408, 425])
def test_trouble_of_the_server_or_on_the_way_is_waited_for(status: int) -> None:
    error = error_of(status, "oops", HTML | {"Retry-After": "Mon, 23 Nov 2026 10:41:00 GMT"})
    assert isinstance(error, JiraUnavailable)
    assert error.retry_after == 60.0
    assert error.wait_code is WaitCode.JIRA_DOWN


def test_a_redirect_names_the_host_and_nothing_that_may_be_secret() -> None:
    error = error_of(302, headers={"Location": "https://sso.example/login?token=hush"})
    assert isinstance(error, JiraUnavailable)
    assert "sso.example" in error.message
    assert "hush" not in error.message


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("https://jira.example/rest/api/2/myself", "https://jira.example"),
        ("https://jira.example:8443/jira/rest/api/2/myself", "https://jira.example:8443/jira"),
        ("https://u:hush@new.example/rest/api/2/myself?x=hush", "https://new.example"),
        ("/jira/rest/api/2/myself", "http://jira.example/jira"),
        ("//new.example/rest/api/2/myself", "http://new.example"),
        ("https://jira.example/", "https://jira.example"),
    ],
)
def test_a_redirect_to_jiras_own_address_says_what_to_set(
    status: int, location: str, base: str
) -> None:
    error = error_of(status, headers={"Location": location})
    assert isinstance(error, JiraUnavailable)
    assert f"it answers at {base}" in error.message
    assert error.remedy == f"Set JIRA_BASE_URL={base}"


LOGIN_PAGES: dict[str, tuple[int, str, dict[str, str]]] = {
    "redirect to a gateway": (
        302,
        "",
        {"Location": "https://shop.cloudflareaccess.com/cdn-cgi/access/login/jira?meta=hush"},
    ),
    "redirect to Jira's own": (302, "", {"Location": "/login.jsp?os_destination=hush"}),
    "redirect from http to a login": (307, "", {"Location": "https://jira.example/sso/saml"}),
    "form": (200, "<form><input name=hush type='password'></form>", HTML),
    "words": (200, "<title>Sign in</title><h1>Sign in</h1>", HTML),
    "SAML": (200, '<input type="hidden" name="SAMLRequest" value="hush">', HTML),
    "Cloudflare Access, refused": (403, "<h1>Forbidden</h1>", HTML | {"Cf-Access-Domain": "j"}),
    "Cloudflare Access, 401": (401, "", {"WWW-Authenticate": "Cloudflare-Access x=hush"}),
}


@pytest.mark.parametrize("page", LOGIN_PAGES.values(), ids=LOGIN_PAGES.keys())
def test_a_login_page_is_no_jira_and_no_refusal_of_our_credentials(
    page: tuple[int, str, dict[str, str]],
) -> None:
    error = error_of(*page)
    assert isinstance(error, JiraUnavailable)
    assert "a login page answered instead of Jira" in error.message
    assert "JIRA_EXTRA_HEADERS" in error.remedy
    assert "hush" not in error.message


def test_a_page_that_is_no_login_is_told_by_its_title() -> None:
    error = error_of(403, "<html><title>Request\n blocked</title>", HTML)
    assert isinstance(error, JiraUnavailable)
    assert "403 with text/html, titled “Request blocked”" in error.message


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, '{"message": "Basic Authentication has been disabled on this instance."}', JSON),
        (401, "<html>Basic authentication has been disabled</html>", HTML),
        (401, "Basic auth with password is not allowed on this instance", {}),
        (401, "Basic authentication with passwords is deprecated. For more", {}),
        (403, "", JSON | {"X-Authentication-Denied-Reason": "Basic auth is disabled"}),
        (401, "{}", JSON | {"X-Seraph-LoginReason": "Basic authentication has been disabled"}),
    ],
)
def test_basic_authentication_that_is_switched_off_is_named(
    status: int, body: str, headers: dict[str, str]
) -> None:
    error = error_of(status, body, headers)
    assert isinstance(error, JiraCredentialsRefused)
    assert "Basic authentication is switched off" in error.message
    assert "JIRA_PAT" in error.remedy


@pytest.mark.parametrize("status", [200, 400, 403, 404])
@pytest.mark.parametrize("headers", [HTML, {}, {"Content-Type": "text/plain"}])
def test_what_is_no_json_is_no_answer_of_jira(status: int, headers: dict[str, str]) -> None:
    assert isinstance(error_of(status, "<html>log in</html>", headers), JiraUnavailable)


@pytest.mark.parametrize(
    "body", ["", '{"issues": [', "<html>", "[" * 100_000, '"\\'], ids=lambda b: b[:9]
)
@pytest.mark.parametrize("status", [200, 404])
def test_a_body_that_cannot_be_parsed_is_waited_for(status: int, body: str) -> None:
    assert isinstance(error_of(status, body), JiraUnavailable)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"errorMessages": ["Issue does not exist"], "errors": {}}', "Issue does not exist"),
        ('{"errorMessages": [], "errors": {"jql": "bad"}}', "bad"),
        ('{"message": "null for uri"}', "null for uri"),
        ('{"errorMessages": null, "errors": null}', "without a reason"),
        ('{"errorMessages": "odd", "errors": [1]}', "without a reason"),
        ("null", "without a reason"),
        ("7", "without a reason"),
        ('["x"]', "without a reason"),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_in_json_is_about_this_call(status: int, body: str, words: str) -> None:
    error = error_of(status, body)
    assert isinstance(error, CallRefused)
    assert words in error.message


def test_a_refusal_of_any_length_stays_short() -> None:
    assert len(error_of(400, '{"message": "' + "x" * 100_000 + '"}').message) < 400


@pytest.mark.parametrize(
    ("headers", "near"),
    [
        ({"X-RateLimit-NearLimit": "true"}, True),
        ({"X-RateLimit-NearLimit": "false", "X-RateLimit-Remaining": "60"}, False),
        ({"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "10"}, True),
        ({"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "11"}, False),
        ({"X-RateLimit-Remaining": "0"}, True),
        ({"X-RateLimit-Limit": "x", "X-RateLimit-Remaining": "0"}, False),
        ({}, False),
    ],
)
def test_a_limit_that_comes_near_is_noticed(*, headers: dict[str, str], near: bool) -> None:
    assert limit_is_near(headers) is near


def test_a_message_of_jira_that_no_database_takes_is_made_sound() -> None:
    error = error_of(404, '{"errorMessages": ["Gone\\u0000 and \\ud800 lost"]}')
    assert isinstance(error, CallRefused)
    assert error.message == "Jira answered 404: Gone and \ufffd lost"


@pytest.mark.parametrize(
    "body",
    ['\ufeff{"a": "\\ud83d"}', '\ufeff{"a": NaN}', '{"a": ' + "1" * 5000 + "}"],
    ids=["byte order mark", "NaN", "a number of any size"],
)
def test_json_that_only_a_lenient_parser_reads_is_left_for_the_library(body: str) -> None:
    kind = {"Content-Type": "application/json;charset=UTF-8"}
    response = answer(200, body, kind)
    response.encoding = "UTF-8"
    check_response(response, now=NOW)
    assert "a" in response.json()


SCOPE_BODY = '{"code":401,"message":"Unauthorized; scope does not match"}'


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_scope_is_told_from_refused_credentials(status: int) -> None:
    error = error_of(status, SCOPE_BODY)
    assert isinstance(error, JiraScopeMissing)
    assert error.wait_code is WaitCode.CREDENTIALS_REFUSED
    assert "Jira says: Unauthorized; scope does not match" in error.message
    challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    assert isinstance(error_of(status, "{}", JSON | challenge), JiraScopeMissing)


def test_a_failed_log_in_is_no_missing_scope() -> None:
    headers = JSON | {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    assert isinstance(error_of(401, SCOPE_BODY, headers), JiraCredentialsRefused)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, '{"code": 401, "message": "Unauthorized"}', "Jira says: Unauthorized"),
        (403, '{"title": "Forbidden", "detail": "policy 7"}', "policy 7; Forbidden"),
        (503, '{"error": {"message": "upstream is away"}}', "upstream is away"),
        (404, '{"error": "unknown path"}', "unknown path"),
    ],
)
def test_the_words_of_gateways_and_proxies_are_passed_on(
    status: int, body: str, words: str
) -> None:
    assert words in error_of(status, body).message


@pytest.mark.parametrize(
    ("sent", "secret"),
    [("Bearer personal-token", "personal-token"), ("Basic YTpiOmM6c2VjcmV0", "b:c:secret")],
)
def test_words_that_repeat_our_credentials_are_cut(sent: str, secret: str) -> None:
    response = answer(403, f'{{"message": "{secret} and {sent} are blocked"}}')
    response.request = PreparedRequest()
    response.request.prepare(
        "GET", "https://jira.example/rest/api/2/myself", {"Authorization": sent}
    )
    with pytest.raises(CallRefused, match="are blocked") as refused:
        check_response(response, now=NOW)
    assert secret not in refused.value.message
    assert sent.partition(" ")[2] not in refused.value.message


@pytest.mark.parametrize(
    ("headers", "account"),
    [
        ({"X-AACCOUNTID": "557058%3Aab"}, "557058:ab"),
        ({"X-AUSERNAME": "routecard"}, "routecard"),
        ({"X-AUSERNAME": "anonymous"}, None),
        ({}, None),
    ],
)
def test_the_account_that_jira_names_in_a_header(
    headers: dict[str, str], account: str | None
) -> None:
    assert account_of(answer(200, headers=JSON | headers)) == account
