"""Bad input of every kind: the exact answer, never a 5xx, never a changed row."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from api.http.json_body import BODY_BYTES
from shared.database.engine import begin
from tests.dsl import ApiClient

JOB = "job_01h455vb4pex5vsknk084sn02q"
GOOD = b'{"name": "JOB-1", "goalQuantity": 5}'
INVALID = "validation_error"


@dataclass(frozen=True)
class Bad:
    """A bad request and the expected answer."""

    method: str
    address: str
    status: int
    code: str
    message: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def sent_to(self, api: ApiClient) -> TestResponse:
        """The answer it gets."""
        return api.raw(
            self.method,
            self.address,
            self.body,
            headers=self.headers,
            content_type=self.content_type,
        )


def bad_create(body: bytes, message: str, *, code: str = INVALID, status: int = 400) -> Bad:
    """A bad body of a create."""
    return Bad("POST", "/api/jobs", status, code, message, body)


def strict(body: bytes, message: str) -> Bad:
    """A body that is no JSON as we want it."""
    return bad_create(body, message, code="invalid_json")


TABLE = [
    Bad("GET", "/api", 404, "not_found", "There is nothing at this address"),
    Bad("GET", "/api/jobs/", 404, "not_found", "There is nothing at this address"),
    Bad("GET", "/api//jobs", 404, "not_found", "There is nothing at this address"),
    Bad("GET", f"/api/jobs/{JOB}", 404, "not_found", f"Job not found: {JOB}"),
    Bad("GET", "/api/jobs/%00", 404, "not_found", "There is nothing at this address"),
    Bad("GET", "/api/jobs/" + "x" * 5000, 404, "not_found", "Job not found: " + "x" * 5000),
    Bad("GET", "/api/jobs/%ff", 404, "not_found", "Job not found: \ufffd"),
    Bad("GET", "/api/jobs?limit=1e3", 400, INVALID, "limit must be a whole number from 1 to 1000"),
    Bad("GET", "/api/jobs?q=%00", 400, INVALID, "A parameter must not contain NUL characters"),
    Bad("GET", "/api/jobs?q=" + "x" * 256, 400, INVALID, "q must be at most 255 characters"),
    Bad("GET", "/api/jobs?name=x", 400, INVALID, "name is not a known parameter"),
    Bad("DELETE", f"/api/jobs/{JOB}?cascade=yes", 400, INVALID, "cascade must be true or false"),
    Bad(
        "POST",
        "/api/jobs",
        415,
        "unsupported_media_type",
        "Content-Type must be application/json",
        GOOD,
        content_type="text/plain",
    ),
    Bad(
        "POST",
        "/api/jobs",
        415,
        "unsupported_media_type",
        "Content-Type must be application/json",
        b"name=JOB-1&goalQuantity=5",
        content_type="application/x-www-form-urlencoded",
    ),
    Bad(
        "POST",
        "/api/jobs",
        415,
        "unsupported_media_type",
        "Content-Type must be application/json",
        GOOD,
        content_type="",
    ),
    Bad(
        "POST",
        "/api/jobs",
        415,
        "unsupported_media_type",
        "Content-Encoding is not supported: send the body as it is",
        GOOD,
        headers={"Content-Encoding": "gzip"},
    ),
    Bad(
        "POST",
        "/api/jobs",
        400,
        INVALID,
        "Idempotency-Key must be 1 to 255 visible ASCII characters",
        GOOD,
        headers={"Idempotency-Key": "two words"},
    ),
    bad_create(
        b'{"name": "' + b"x" * BODY_BYTES + b'"}',
        "Request body is larger than 1048576 bytes",
        code="payload_too_large",
        status=413,
    ),
    strict(b"", "Request body is empty"),
    strict(
        b"{",
        "Request body is not valid JSON: Expecting property name enclosed in double "
        "quotes at line 1 column 2",
    ),
    strict(b'{"name": "x", "name": "y"}', 'Request body repeats the key "name"'),
    strict(b'{"\\ud800": 1, "\\ud800": 2}', 'Request body repeats the key "?"'),
    strict(b'{"goalQuantity": NaN}', "Request body is not valid JSON: NaN is not a JSON number"),
    strict(b'{"goalQuantity": 1e999}', "Request body has a number out of range: 1e999"),
    strict(
        b'{"goalQuantity": ' + b"9" * 5000 + b"}",
        "Request body has a number of more than 400 digits",
    ),
    strict(b"[" * 100_000, "Request body is nested more than 32 levels deep"),
    strict(b'{"a":' * 100_000, "Request body is nested more than 32 levels deep"),
    strict(b'{"name": "\xff"}', "Request body is not valid UTF-8"),
    bad_create(b"[]", "Request body must be a JSON object"),
    bad_create(b"null", "Request body must be a JSON object"),
    bad_create(b"{}", "name is required"),
    bad_create(b'{"name": "\\u0000"}', "name must not contain NUL characters"),
    bad_create(b'{"name": "\\udfff"}', "name must not contain lone surrogates"),
    bad_create(b'{"x": {"y": ["\\u0000"]}}', "x.y[0] must not contain NUL characters"),
    bad_create(b'{"name": {"$ne": 1}, "goalQuantity": 5}', "name must be a string"),
    bad_create(b'{"name": "x", "goalQuantity": 1e300}', "goalQuantity must be at most 2147483647"),
    bad_create(
        b'{"name": "x", "goalQuantity": 99999999999999999999}',
        "goalQuantity must be at most 2147483647",
    ),
    bad_create(
        b'{"name": "x", "goalQuantity": 1, "jiraLabels": [[1]]}',
        "jiraLabels must be an array of strings",
    ),
    Bad("POST", "/api/jobs/bulk", 400, INVALID, "jobs is required", b"{}"),
    Bad("POST", "/api/jobs/bulk", 400, INVALID, "jobs must be an array", b'{"jobs": {}}'),
    Bad("POST", "/api/jira/link", 400, INVALID, "ticketKey is required", b"{}"),
    Bad(
        "POST",
        "/api/jira/link",
        404,
        "not_found",
        f"Job not found: {JOB}",
        f'{{"ticketKey": "PI-1", "jobId": "{JOB}"}}'.encode(),
    ),
    Bad("PUT", f"/api/jobs/{JOB}", 404, "not_found", f"Job not found: {JOB}", b"{"),
    Bad("PATCH", f"/api/jobs/{JOB}", 404, "not_found", f"Job not found: {JOB}", b'{"name": ""}'),
]

_ROWS = text("SELECT json_agg(j ORDER BY j.id)::text FROM jobs j")
_COUNTS = text("SELECT (SELECT count(*) FROM sync_tasks), (SELECT count(*) FROM idempotency_keys)")


def rows(engine: Engine) -> Any:
    """All rows that a bad request might have changed."""
    with begin(engine) as session:
        return session.scalar(_ROWS), tuple(session.execute(_COUNTS).one())


def test_bad_input_gets_its_exact_answer_and_changes_no_row(api: ApiClient, engine: Engine) -> None:
    api.job(jiraTicketKey="PI-42")
    before = rows(engine)
    for bad in TABLE:
        answer = bad.sent_to(api)
        said = answer.get_json()
        found = (answer.status_code, said["code"], said["message"])
        assert found == (bad.status, bad.code, bad.message), bad
        assert said["statusCode"] == bad.status
        assert said["requestId"] == answer.headers["X-Request-ID"]
        assert rows(engine) == before, bad


def test_what_is_wrong_inside_a_known_job_changes_it_not(api: ApiClient, engine: Engine) -> None:
    job = api.job()
    before = rows(engine)
    for body in (b"", b"{", b"[]", b'{"name": ""}', b'{"name": "\\u0000"}', b'{"goalQuantity": 0}'):
        assert api.raw("PATCH", f"/api/jobs/{job['id']}", body).status_code == 400
    assert rows(engine) == before


def test_a_method_an_address_does_not_take_is_refused_with_those_it_takes(
    api: ApiClient,
) -> None:
    for method, address, allowed in [
        ("DELETE", "/api/jobs", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", f"/api/jobs/{JOB}", {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}),
        ("POST", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ]:
        answer = api.raw(method, address, b"{}")
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == allowed
        assert answer.get_json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "address",
    [
        "/api/jobs/bulk",
        "/api/serials/advance",
        "/api/sync/tasks/retry",
        "/api/sync/tasks/cancel",
        "/api/webhooks/deliveries/replay",
    ],
)
def test_an_address_beside_those_of_single_things_takes_its_own_methods_alone(
    api: ApiClient, address: str
) -> None:
    asked = api.raw("OPTIONS", address, b"")
    assert set(asked.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        refused = api.raw(method, address, b"{}")
        assert refused.status_code == 405
        assert refused.headers["Allow"] == "OPTIONS, POST"
