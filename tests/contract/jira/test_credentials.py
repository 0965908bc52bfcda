"""What is sent to Jira besides the request: logins of any characters, extra headers."""

import base64
from contextlib import closing
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from shared.clock import SystemClock
from shared.settings import Settings
from tests.support.servers.wire import json_answer, wire_server
from worker.jira.client import make_jira

ANSWER = json_answer(b'{"name": "ada", "displayName": "Ada"}')


def sent(**values: Any) -> CaseInsensitiveDict[str]:
    """The headers of one request to a Jira that accepts everything."""
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()

    def observe(request: PreparedRequest, _response: Response) -> None:
        headers.update(request.headers)

    with wire_server(lambda: iter([ANSWER])) as url:
        settings = Settings(jira_base_url=url, **values)
        with closing(make_jira(settings, clock=SystemClock(), observe=observe)) as jira:
            jira.verify()
    return headers


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("ada", "pässwörd"),
        ("müller", "☃ 密码 with spaces"),
        ("ada@example.com", 'a:b"c\\d%e\u00a0f'),
    ],
)
def test_a_login_of_any_characters_is_sent_in_utf_8(user: str, password: str) -> None:
    scheme, _, value = sent(jira_email=user, jira_api_token=password)["Authorization"].partition(
        " "
    )
    assert scheme == "Basic"
    assert base64.b64decode(value).decode() == f"{user}:{password}"


def test_extra_headers_go_with_every_request_beside_our_own() -> None:
    headers = sent(jira_pat="hush", jira_extra_headers='{"CF-Access-Client-Secret": "x y"}')
    assert headers["CF-Access-Client-Secret"] == "x y"
    assert headers["Authorization"] == "Bearer hush"
