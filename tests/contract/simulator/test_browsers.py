"""The simulator against web pages of other sites: DNS rebinding and cross-site requests."""

import pytest

from tests.support.jira.simulator import Client
from worker.simulator import defaults

FAULT = [{"match": "* /rest/*", "fault": "503"}]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8090"}, 421),
        ({"Host": "127.0.0.1.nip.io"}, 421),
        ({"Host": "[::1"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:5000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_control_that_another_site_may_have_sent_changes_nothing(
    jira: Client, headers: dict[str, str], status: int
) -> None:
    assert jira.post("/_sim/faults", json=FAULT, headers=headers).status_code == status
    if status != 415:
        hide = f"/_sim/tickets/{defaults.PROJECT}-42/hide"
        assert jira.post(hide, headers=headers).status_code == status
        webhook = {"name": "w", "url": "http://127.0.0.1:1/", "events": ["jira:issue_updated"]}
        registered = jira.post("/rest/webhooks/1.0/webhook", json=webhook, headers=headers)
        assert registered.status_code == status
    assert jira.get("/_sim/faults").json() == []
    assert jira.issue(f"{defaults.PROJECT}-42")


@pytest.mark.parametrize("host", ["localhost:8090", "simulator:8090", "192.168.1.5", "[::1]:8090"])
def test_names_of_this_machine_and_of_containers_are_served(jira: Client, host: str) -> None:
    own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert jira.post("/_sim/faults", json=[], headers=own).status_code == 201
    link = {"Host": host, "Sec-Fetch-Site": "same-site"}
    assert jira.get(f"/browse/{defaults.PROJECT}-42", headers=link).status_code == 200
