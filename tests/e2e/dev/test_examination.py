"""The Jira page on the real stack: a form requests an examination, a worker does it."""

import re

import requests

from tests.dsl import csrf_token
from tests.support.servers.stack import Stack
from tests.support.waiting import eventually


def test_a_worker_examines_jira_within_seconds_of_the_request(running: Stack) -> None:
    with requests.Session() as browser:
        page = browser.get(f"{running.url}/jira", timeout=10).text
        form = {"csrf_token": csrf_token(page), "ticket": "PI-42"}
        answer = browser.post(f"{running.url}/jira/examine", data=form, timeout=10)
        assert answer.status_code == 200, answer.text

        def shows_findings() -> bool:
            now = browser.get(f"{running.url}/jira", timeout=10).text
            row = re.search(r'<th scope="row">Part number</th>(.*?)</tr>', now, re.DOTALL)
            assert row is not None
            assert "ALU-HOUSING-7075" in row.group(1)
            assert "requested by anonymous" in now
            return True

        eventually(shows_findings, within=20)
