"""Credentials as JIRA.md sections 3 and 5 describe them, and refusals that look like success."""

import pytest

from tests.support.jira.simulator import BASIC, Client, cloud, data_center
from worker.simulator import defaults

REASON = "X-Seraph-LoginReason"
BULK = {"issueIdsOrKeys": ["PI-1"]}


def test_myself_tells_who_asks_and_in_which_zone(jira: Client) -> None:
    me = jira.get("/rest/api/2/myself").json()

    assert me["emailAddress"] == defaults.EMAIL
    assert me["timeZone"] == defaults.TIME_ZONE


@pytest.mark.parametrize(
    "auth", [(defaults.EMAIL, "wrong"), ("else@routecard.example", defaults.API_TOKEN), ("", "")]
)
def test_wrong_credentials_are_401_and_say_so_in_a_header(
    jira: Client, auth: tuple[str, str]
) -> None:
    for path in ("myself", "issue/PI-1", "field"):
        answer = jira.get(f"/rest/api/2/{path}", auth=auth)

        assert answer.status_code == 401
        assert answer.headers[REASON] == "AUTHENTICATED_FAILED"


def test_server_info_proves_no_credentials(jira: Client) -> None:
    answer = jira.get("/rest/api/2/serverInfo", auth=(defaults.EMAIL, "wrong"))

    assert answer.status_code == 200


def test_a_pat_is_of_no_use_on_cloud(jira: Client) -> None:
    jira.auth = None
    headers = {"Authorization": f"Bearer {defaults.PAT}"}

    assert jira.get("/rest/api/2/myself", headers=headers).status_code == 401


class TestExpiredToken:
    """It answers 200 with an empty result, or 404; only a header and ``myself`` show why."""

    @pytest.fixture
    def expired(self, jira: Client) -> Client:
        """A Cloud whose token has just expired."""
        jira.set(expired=True)
        return jira

    def test_a_bulk_read_is_200_and_empty(self, expired: Client) -> None:
        answer = expired.post("/rest/api/2/issue/bulkfetch", json=BULK)

        assert (answer.status_code, answer.json()["issues"]) == (200, [])
        assert answer.headers[REASON] == "AUTHENTICATED_FAILED"

    def test_a_search_is_200_and_empty(self, expired: Client) -> None:
        answer = expired.post("/rest/api/3/search/jql", json={"jql": "project = PI"})

        assert answer.json() == {"issues": [], "isLast": True}
        assert answer.headers[REASON] == "AUTHENTICATED_FAILED"

    def test_a_ticket_is_404(self, expired: Client) -> None:
        answer = expired.get("/rest/api/2/issue/PI-1")

        assert answer.status_code == 404
        assert answer.headers[REASON] == "AUTHENTICATED_FAILED"

    def test_custom_fields_do_not_exist(self, expired: Client) -> None:
        fields = expired.get("/rest/api/2/field").json()

        assert fields
        assert not [field for field in fields if field["custom"]]

    def test_myself_and_edits_are_401(self, expired: Client) -> None:
        edit = expired.put("/rest/api/2/issue/PI-1", json={"fields": {"summary": "x"}})

        assert edit.status_code == 401
        assert expired.get("/rest/api/2/myself").status_code == 401

    def test_it_ends_when_the_token_is_renewed(self, expired: Client) -> None:
        expired.set(expired=False)

        answer = expired.post("/rest/api/2/issue/bulkfetch", json=BULK)

        assert len(answer.json()["issues"]) == 1
        assert REASON not in answer.headers


def test_an_anonymous_caller_sees_nothing_and_gets_no_error(jira: Client) -> None:
    jira.auth = None

    answer = jira.post("/rest/api/2/issue/bulkfetch", json=BULK)

    assert answer.json()["issues"] == []
    assert REASON not in answer.headers
    assert jira.get("/rest/api/2/myself").status_code == 401


def test_a_captcha_lock_is_reported_whatever_the_credentials_and_says_how_to_end_it(
    jira: Client,
) -> None:
    jira.set(captcha=True)

    answer = jira.get("/rest/api/2/myself")

    assert answer.status_code == 403
    assert answer.headers[REASON] == "AUTHENTICATION_DENIED"
    assert "CAPTCHA_CHALLENGE" in answer.headers["X-Authentication-Denied-Reason"]


def test_captcha_follows_repeated_failures(jira: Client) -> None:
    jira.set(captchaAfter=3)
    wrong = [jira.get("/rest/api/2/myself", auth=(defaults.EMAIL, "no")) for _ in range(3)]

    right = jira.get("/rest/api/2/myself", auth=BASIC)

    assert [answer.status_code for answer in wrong] == [401, 401, 401]
    assert right.status_code == 403


class TestGateway:
    """Scoped tokens work at ``api.atlassian.com/ex/jira/{cloudId}`` and nowhere else."""

    def test_the_site_tells_its_cloud_id(self, jira: Client) -> None:
        assert jira.get("/_edge/tenant_info").json() == {"cloudId": defaults.CLOUD_ID}

    def test_a_scoped_token_works_at_the_gateway_only(self, jira: Client) -> None:
        scoped = (defaults.EMAIL, defaults.SCOPED_TOKEN)
        gateway = f"/ex/jira/{defaults.CLOUD_ID}/rest/api/2/issue/PI-42"

        assert jira.get(gateway, auth=scoped).json()["key"] == "PI-42"
        assert jira.get("/rest/api/2/issue/PI-42", auth=scoped).status_code == 401

    def test_an_unscoped_token_does_not_work_there(self, jira: Client) -> None:
        gateway = f"/ex/jira/{defaults.CLOUD_ID}/rest/api/2/issue/PI-42"

        assert jira.get(gateway, auth=BASIC).status_code == 401

    def test_a_token_without_the_scope_is_401_in_the_shape_of_the_gateway(self) -> None:
        with cloud(scopes=frozenset({"read:jira-work"})) as client:
            client.auth = (defaults.EMAIL, defaults.SCOPED_TOKEN)
            base = f"/ex/jira/{defaults.CLOUD_ID}/rest/api/2"

            refused = client.get(f"{base}/myself")
            assert refused.status_code == 401
            words = "Unauthorized; scope does not match"
            assert refused.json() == {"code": 401, "message": words}
            assert REASON not in refused.headers
            assert client.get(f"{base}/issue/PI-42").status_code == 200

    def test_another_cloud_id_is_not_found(self, jira: Client) -> None:
        assert jira.get("/ex/jira/else/rest/api/2/myself").status_code == 404


def test_data_center_takes_a_pat_and_basic_with_a_password() -> None:
    with data_center() as client:
        assert client.get("/rest/api/2/myself").headers[REASON] == "OK"
        del client.headers["Authorization"]
        assert client.get("/rest/api/2/myself", auth=BASIC).status_code == 200
        assert (
            client.get("/rest/api/2/myself", auth=(defaults.EMAIL, defaults.PAT)).status_code == 401
        )


def test_permissions_tell_what_the_account_may_do(jira: Client) -> None:
    params = {"permissions": "BROWSE_PROJECTS", "projectKey": "PI"}
    granted = jira.get("/rest/api/3/mypermissions", params=params).json()["permissions"]
    hidden = jira.get("/rest/api/3/mypermissions", params=params | {"projectKey": "RD"})

    assert granted["BROWSE_PROJECTS"]["havePermission"] is True
    assert hidden.status_code == 404
    assert jira.get("/rest/api/3/mypermissions").status_code == 400
