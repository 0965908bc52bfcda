"""Receiving webhooks: what is accepted, what is rejected, and what is stored of a delivery."""

import base64
import hashlib
import hmac
import io
import json
import logging
from collections.abc import Iterator
from hashlib import sha256
from threading import Barrier, Thread
from typing import Any

import pytest
import redis
import structlog
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from api.runtime import runtime_of
from api.webhooks.read_body import BODY_BYTES
from api.webhooks.rejections import Rejections
from shared.broker.wakeups import Wakeup
from shared.database.engine import begin, make_engine
from shared.logs import setup_logs
from shared.models import Delivery
from shared.settings import Settings
from shared.states import Scope
from shared.webhooks import health as webhook_health
from shared.webhooks.signatures import sign, token_hash
from tests.dsl import application, bearer, site_id, token
from tests.support.jira.hooks import Inbox, payload
from tests.support.waiting import eventually

SECRET = " It's a Secret to Everybody "
FORMER = "the secret of last year"
TOKEN = "automation-token"
BODY = json.dumps(payload(said_at=None)).encode()


class WebhookSender:
    """Sends webhooks to an application."""

    def __init__(self, app: Any, engine: Engine) -> None:
        self.app = app
        self.client = app.test_client()
        self.engine = engine
        self.inbox = Inbox(engine)

    def send(
        self,
        body: bytes = BODY,
        *,
        signature: str | None = "",
        query: dict[str, str] | None = None,
        identifier: str | None = None,
        **headers: str,
    ) -> TestResponse:
        """POST a body; ``signature`` "" signs it with our secret, None sends none."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if signature is not None:
            sent["X-Hub-Signature"] = signature or sign(body, secret=SECRET)
        if identifier:
            sent["X-Atlassian-Webhook-Identifier"] = identifier
        answer: TestResponse = self.client.post(
            "/api/webhooks/jira",
            data=body,
            query_string=query,
            headers=sent,
            content_type="application/json; charset=UTF-8",
        )
        return answer

    def rows(self) -> list[Delivery]:
        """What is stored."""
        return self.inbox.rows()

    def rejected(self) -> dict[str, int]:
        """The rejected webhooks, by reason."""
        runtime_of(self.app).singleton(Rejections).flush()
        with begin(self.engine) as session:
            found = webhook_health.webhook_health(session, site_id=site_id(session))
        return {rejection.reason.value: rejection.count for rejection in found.rejected}


def sender_of(settings: Settings, engine: Engine, **changes: Any) -> Any:
    """The application with these settings."""
    return application(Settings(**{**_given(settings), **changes}), engine)


def _given(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.model_fields_set}


@pytest.fixture
def sender(settings: Settings, engine: Engine) -> Iterator[WebhookSender]:
    """A sender to an application with two secrets and a token."""
    with sender_of(
        settings,
        engine,
        JIRA_WEBHOOK_SECRET=SECRET,
        JIRA_WEBHOOK_SECRET_PREVIOUS=FORMER,
        JIRA_WEBHOOK_TOKEN_HASH=token_hash(TOKEN),
        JIRA_WEBHOOK_USER=LOGIN[0],
        JIRA_WEBHOOK_PASSWORD=LOGIN[1],
    ) as app:
        yield WebhookSender(app, engine)


def test_a_signed_body_is_stored_as_it_came_and_answered_202(sender: WebhookSender) -> None:
    answer = sender.send(
        identifier="b1c2",
        X_Atlassian_Webhook_Retry="2",
        X_Atlassian_Webhook_Flow="Primary",
        X_Request_ID="req-1",
    )
    assert answer.status_code == 202
    (row,) = sender.rows()
    assert answer.get_json() == {"id": row.id}
    assert (row.jira_identifier, row.signed, row.body) == ("b1c2", True, BODY)
    assert (row.identifier, row.body_size) == (f"sha256:{sha256(BODY).hexdigest()}", len(BODY))
    assert (row.retry, row.flow, row.request_id) == (2, "Primary", "req-1")
    assert (row.outcome, row.tries, row.duplicates) == (None, 0, 0)


def test_the_workers_are_notified_at_once(sender: WebhookSender, redis_url: str) -> None:
    sender.send()
    client = redis.Redis.from_url(redis_url)
    eventually(lambda: client.exists(Wakeup.DELIVERIES.key) and client.llen("routecard:internal"))
    client.close()


def test_the_previous_secret_is_accepted_too(sender: WebhookSender) -> None:
    assert sender.send(signature=sign(BODY, secret=FORMER)).status_code == 202
    assert sender.rows()[0].signed


@pytest.mark.parametrize(
    "identifiers", [("b1c2",) * 5, (None, None), tuple("abc"), ("a", None, "b")]
)
def test_a_signed_body_is_stored_once_under_whatever_identifiers_it_comes(
    sender: WebhookSender, identifiers: tuple[str | None, ...]
) -> None:
    statuses = [sender.send(identifier=one).status_code for one in identifiers]
    assert statuses == [202, *[200] * (len(identifiers) - 1)]
    (row,) = sender.rows()
    assert row.duplicates == len(identifiers) - 1
    assert row.jira_identifier == identifiers[0]


def test_another_signed_body_under_a_used_identifier_is_not_dropped(sender: WebhookSender) -> None:
    other = BODY.replace(b"aluminum", b"steel")
    statuses = [sender.send(body, identifier="b1c2").status_code for body in (BODY, other)]
    assert statuses == [202, 202]
    assert [row.body for row in sender.rows()] == [BODY, other]


def test_where_only_the_sender_is_proven_identifier_and_body_make_a_copy(
    sender: WebhookSender,
) -> None:
    def send(body: bytes, identifier: str, **query: str) -> int:
        sent = {"token": TOKEN, **query}
        answer = sender.send(body, signature=None, identifier=identifier, query=sent)
        return answer.status_code

    assert [send(b"{}", "a"), send(b"{}", "a")] == [202, 200]
    assert [send(b"{}", "b"), send(b"[]", "a")] == [202, 202]
    assert [send(b"{}", "a", issueId=one) for one in ("1", "2", "1")] == [202, 202, 200]
    assert [send(b"{}", "a", key=one) for one in ("PI-1", "PI-2", "PI-2")] == [202, 202, 200]


def test_copies_that_arrive_at_once_create_one_row(sender: WebhookSender) -> None:
    start = Barrier(8)
    statuses: list[int] = []

    def send(number: int) -> None:
        headers = {
            "X-Hub-Signature": sign(BODY, secret=SECRET),
            "X-Atlassian-Webhook-Identifier": f"copy-{number}",
        }
        client = sender.app.test_client()
        start.wait(10)
        answer = client.post("/api/webhooks/jira", data=BODY, headers=headers)
        statuses.append(answer.status_code)

    threads = [Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200] * 7 + [202]
    assert [row.duplicates for row in sender.rows()] == [7]


def test_a_sender_with_a_token_cannot_take_the_place_of_a_signed_delivery(
    sender: WebhookSender,
) -> None:
    first = sender.send(signature=None, X_Routecard_Token=TOKEN, identifier="x")
    assert [first.status_code, sender.send(identifier="x").status_code] == [202, 202]
    assert [row.signed for row in sender.rows()] == [False, True]


RE_ENCODED = json.dumps(json.loads(BODY), separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("body", "signature", "reason"),
    [
        (BODY.replace(b"High", b"Low!"), sign(BODY, secret=SECRET), "wrong_signature"),
        (BODY, sign(RE_ENCODED, secret=SECRET), "wrong_signature"),
        (BODY, sign(BODY, secret=SECRET.strip()), "wrong_signature"),
        (BODY, sign(BODY, secret=""), "wrong_signature"),
        (BODY, sign(BODY, secret=SECRET)[:-1], "malformed_signature"),
        (BODY, sign(BODY, secret=SECRET)[:-2], "malformed_signature"),
        (
            BODY,
            "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
            "malformed_signature",
        ),
        (BODY, "sha256=", "malformed_signature"),
        (BODY, None, "no_proof"),
        (b"", sign(b"", secret=SECRET), "empty_body"),
    ],
    ids=[
        "forged-body",
        "signed-over-re-encoded-json",
        "another-secret",
        "empty-secret",
        "signature-cut-by-one",
        "signature-cut-by-two",
        "sha1",
        "empty-signature",
        "no-signature",
        "empty-body",
    ],
)
def test_what_is_not_proven_is_answered_401_counted_and_not_stored(
    sender: WebhookSender, body: bytes, signature: str | None, reason: str
) -> None:
    answer = sender.send(body, signature=signature)
    assert answer.status_code == 401
    assert answer.get_json()["code"] == "unauthorized"
    assert SECRET.strip() not in answer.text
    assert sender.rows() == []
    assert sender.rejected() == {reason: 1}


def test_with_no_secret_set_everybody_is_rejected_and_the_server_runs(
    settings: Settings, engine: Engine
) -> None:
    with sender_of(settings, engine, JIRA_WEBHOOK_SECRET="") as app:
        sender = WebhookSender(app, engine)
        for signature in (sign(BODY, secret=""), sign(BODY, secret=SECRET), None):
            assert sender.send(signature=signature).status_code == 401
        assert sender.send(signature=None, X_Routecard_Token="").status_code == 401
        assert sender.rejected() == {"not_configured": 4}
        assert sender.rows() == []


class Unread(io.BytesIO):
    """A body that must not be touched."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = read1 = readinto = read


def unread(sender: WebhookSender, length: int, headers: dict[str, str]) -> TestResponse:
    """POST a body of that length which must not be touched."""
    answer: TestResponse = sender.client.post(
        "/api/webhooks/jira",
        headers=headers,
        environ_overrides={"CONTENT_LENGTH": str(length), "wsgi.input": Unread()},
    )
    return answer


def test_a_proof_that_could_hold_has_the_body_read(sender: WebhookSender) -> None:
    headers = {"X-Hub-Signature": sign(BODY, secret=SECRET)}
    assert unread(sender, 100, headers).status_code == 500


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature": "sha1=" + "0" * 40},
        {"X-Hub-Signature": "sha256=abc"},
        {"X-Routecard-Token": "guess"},
    ],
)
def test_nothing_is_read_without_a_proof_that_could_hold(
    sender: WebhookSender, headers: dict[str, str]
) -> None:
    assert unread(sender, 100, headers).status_code == 401


def test_a_body_over_25_mib_is_refused_unread_where_it_says_so(sender: WebhookSender) -> None:
    answer = unread(sender, BODY_BYTES + 1, {"X-Hub-Signature": sign(BODY, secret=SECRET)})
    assert answer.status_code == 413
    assert sender.rejected() == {"too_large": 1}


def test_a_large_body_is_stored_whole(sender: WebhookSender) -> None:
    body = json.dumps(payload(comment={"body": "x" * 3_000_000})).encode()
    assert sender.send(body).status_code == 202
    assert sender.rows()[0].body == body


@pytest.mark.parametrize("place", ["header", "address"])
def test_a_token_proves_the_sender_and_the_body_stays_a_hint(
    sender: WebhookSender, place: str
) -> None:
    if place == "header":
        answer = sender.send(signature=None, X_Routecard_Token=TOKEN)
    else:
        answer = sender.send(signature=None, query={"token": TOKEN})
    assert answer.status_code == 202
    (row,) = sender.rows()
    assert row.signed is False
    assert TOKEN not in repr(vars(row))


@pytest.mark.parametrize("token", ["guess", "automation-token ", "AUTOMATION-TOKEN", "\x00", "é"])
def test_a_wrong_token_is_rejected_even_beside_a_good_signature(
    sender: WebhookSender, token: str
) -> None:
    assert sender.send(query={"token": token}).status_code == 401
    assert sender.rejected() == {"wrong_token": 1}


LOGIN = ("jira", "pä:ss: of the shop's Jira")


def basic(user: str, password: str, encoding: str = "utf-8") -> str:
    """An ``Authorization`` header."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode(encoding)).decode()}"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_user_and_password_prove_the_sender_and_the_body_stays_a_hint(
    sender: WebhookSender, encoding: str
) -> None:
    answer = sender.send(signature=None, Authorization=basic(*LOGIN, encoding))
    assert answer.status_code == 202
    (row,) = sender.rows()
    assert row.signed is False


@pytest.mark.parametrize(
    "authorization",
    [
        basic("jira", "guess"),
        basic("Jira", LOGIN[1]),
        basic("", ""),
        basic(*LOGIN)[:-1],
        "Basic ###",
        "Basic",
        f"{basic(*LOGIN)}, {basic(*LOGIN)}",
    ],
)
def test_wrong_or_malformed_credentials_are_rejected_unread_even_beside_other_proof(
    sender: WebhookSender, authorization: str
) -> None:
    headers = {"Authorization": authorization, "X-Hub-Signature": sign(BODY, secret=SECRET)}
    answer = unread(sender, 100, headers)
    assert answer.status_code == 401
    assert "Basic" not in answer.headers["WWW-Authenticate"]
    assert unread(sender, 100, {**headers, "X-Routecard-Token": TOKEN}).status_code == 401
    assert sender.rejected() == {"wrong_credentials": 2}


def test_a_signature_beside_right_credentials_decides(sender: WebhookSender) -> None:
    right = basic(*LOGIN)
    assert sender.send(Authorization=right).status_code == 202
    assert sender.send(signature="sha256=" + "0" * 64, Authorization=right).status_code == 401
    assert [row.signed for row in sender.rows()] == [True]


def test_a_bearer_token_of_the_api_opens_nothing(sender: WebhookSender) -> None:
    header = bearer(token(sender.engine, *Scope))
    assert sender.send(signature=None, **header).status_code == 401
    assert sender.send(**header).status_code == 202
    assert sender.rejected() == {"no_proof": 1}


def test_credentials_for_a_proxy_in_front_are_not_ours_where_none_are_set(
    settings: Settings, engine: Engine
) -> None:
    with sender_of(settings, engine, JIRA_WEBHOOK_SECRET=SECRET) as app:
        sender = WebhookSender(app, engine)
        assert sender.send(Authorization=basic("proxy", "x")).status_code == 202
        assert sender.send(signature=None, Authorization=basic("a", "b")).status_code == 401
        assert sender.rejected() == {"wrong_credentials": 1}


def test_a_wrong_signature_is_rejected_even_beside_a_good_token(sender: WebhookSender) -> None:
    answer = sender.send(signature="sha256=" + "0" * 64, X_Routecard_Token=TOKEN)
    assert answer.status_code == 401


def test_a_delivery_without_body_takes_key_and_id_from_the_address(sender: WebhookSender) -> None:
    def send(key: str, **more: Any) -> Delivery:
        query = {"token": TOKEN, "issueId": "10042", "key": key}
        assert sender.send(b"", query=query, **more).status_code == 202
        return sender.rows()[-1]

    first = send("pi-42", signature=None)
    assert (first.ticket_key, first.issue_id, first.body) == ("PI-42", "10042", b"")
    # The signature of an empty body proves nothing, so the token is what counts.
    second = send("PI-43")
    assert (second.ticket_key, second.signed, second.variable) == ("PI-43", False, None)
    assert send("$PI-44").ticket_key == "PI-44"
    for literal in ("{issue.key}", "${issue.key}", "{{issue.key}}"):
        row = send(literal, identifier=literal)
        assert (row.ticket_key, row.variable) == (None, literal)


@pytest.fixture(params=["json", "console"])
def log_format(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each of the formats of production's logs, and pytest's own again afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield request.param
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_a_token_in_the_address_reaches_no_log(
    sender: WebhookSender, capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    setup_logs(fmt=log_format, level="DEBUG")
    sender.send(signature=None, Authorization=basic(*LOGIN))
    sender.send(signature=None, Authorization=basic("jira", LOGIN[1] + "-wrong"))
    sender.send(signature=None, query={"token": TOKEN})
    sender.send(signature=None, query={"token": TOKEN + "-wrong"})
    with begin(sender.engine) as session:
        session.execute(text("ALTER TABLE webhook_deliveries RENAME TO away"))
    assert sender.send(signature=None, query={"token": TOKEN}).status_code == 500
    written = capfd.readouterr()
    assert "request_failed" in written.err
    credentials = (LOGIN[1], basic(*LOGIN).partition(" ")[2][:12])
    for secret in (TOKEN, *credentials, "ALU-HOUSING-7075", "aluminum"):
        assert secret not in written.out + written.err


def test_without_the_database_the_answer_makes_jira_send_it_again(settings: Settings) -> None:
    nowhere = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with sender_of(settings, nowhere, JIRA_WEBHOOK_SECRET=SECRET) as app:
        answer = WebhookSender(app, nowhere).send()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("identifier", ["x" * 256, "a b", "é"])
def test_a_malformed_identifier_is_not_used(sender: WebhookSender, identifier: str) -> None:
    assert sender.send(identifier=identifier).status_code == 202
    assert sender.rows()[0].identifier.startswith("sha256:")


def test_the_body_may_be_anything_and_is_not_parsed(sender: WebhookSender) -> None:
    for number, body in enumerate((b"\x00\xff", b"[" * 100_000, b'{"a":1,"a":2}', b"9" * 10_000)):
        assert sender.send(body, identifier=f"odd-{number}").status_code == 202
    assert sender.rows()[0].body == b"\x00\xff"
