"""Search means the same in every list, however short the text is."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import Engine, insert

from shared.accounts import audit
from shared.accounts.audit import AuditAction, AuditContext
from shared.accounts.credentials import Actor
from shared.database.engine import begin
from shared.models import TicketCopy, table_of
from shared.settings import Settings
from shared.states import ActorKind
from tests.dsl import ApiClient, application, site_id

_TEXTS = ("Housing 100% \\ b_x", "Bracket", "Gehäuse Ü7")


@pytest.fixture
def app(settings: Settings, engine: Engine) -> Iterator[Flask]:
    """Three jobs, and each of their texts as a ticket and as the reason of an action too."""
    with application(settings, engine) as app:
        api = ApiClient(app)
        for number, name in enumerate(_TEXTS):
            api.job(name=name, jiraTicketKey=f"PI-14{number}", jiraPartNumber=f"ALU-{number}5")
        with begin(engine) as session:
            for number, text in enumerate(_TEXTS):
                ticket = {
                    "site_id": site_id(session),
                    "issue_id": str(number),
                    "key": f"PI-14{number}",
                    "summary": text,
                    "part_number": f"ALU-{number}5",
                    "jira_updated_at": datetime(2024, 1, 15, tzinfo=UTC),
                    "source": "poll",
                }
                session.execute(insert(table_of(TicketCopy)), [ticket])
                reason = f"{text} PI-14{number} ALU-{number}5"
                context = AuditContext(actor=Actor(ActorKind.OPERATOR, "ada"), reason=reason)
                audit.write(session, AuditAction.RESUME, context)
        yield app


def _found(client: Any, address: str, pattern: str) -> set[int]:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return {int(number) for number in re.findall(pattern, answer.text)}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("PI", {0, 1, 2}),
        ("4", {0, 1, 2}),
        ("42", {2}),
        ("5", {0, 1, 2}),
        ("us", {0, 2}),
        ("ou", {0}),
        ("%", {0}),
        ("_", {0}),
        ("\\", {0}),
        ("b_", {0}),
        ("bx", set()),
        ("ü", {2}),
        ("ä", {2}),
        ("k", {1}),
        ("ck", {1}),
        ("rack", {1}),
        ("zq", set()),
        ("z", set()),
    ],
)
def test_a_text_of_any_length_finds_the_same_in_every_list(
    app: Flask, words: str, expected: set[int]
) -> None:
    client, q = app.test_client(), quote(words)
    ticket = r'"mono nowrap key">PI-14(\d)<'
    assert _found(client, f"/jobs?q={q}", ticket) == expected
    assert _found(client, f"/tasks?q={q}", ticket) == expected
    assert _found(client, f"/jobs/new?find={q}", r'aria-label="Choose PI-14(\d)"') == expected
    assert _found(client, f"/audit?q={q}", r'class="reason">[^<]* PI-14(\d) ') == expected
    for address in ("/api/jobs", "/api/sync/tasks", "/api/jira/tickets"):
        listed = r'"(?:jiraTicketKey|ticketKey|key)":"PI-14(\d)"'
        assert _found(client, f"{address}?q={q}", listed) == expected, address
