"""Valid and invalid requests generated from the document: every answer is as documented."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from sqlalchemy import Engine

from api.routes import RESOURCES
from shared.broker.celery_app import make_celery, send
from shared.broker.task_names import TaskName
from shared.settings import Settings
from shared.states import Scope
from tests.dsl import api_client, bearer, token

EXAMPLES = 20
"""Requests of each kind for each operation; the whole stays under about a minute."""

CONFIG = SchemathesisConfig.from_dict({"generation": {"allow-x00": False}})
"""NUL is refused in every text, also in members we ignore, which no schema can say."""


@pytest.fixture
def schema(settings: Settings, engine: Engine) -> Iterator[Any]:
    """The document as schemathesis reads it, over the API in this process."""
    # Celery imports its transport at the first message. If the notifier's thread did so now and
    # then, hypothesis, which goes through `sys.modules`, would fail.
    celery = make_celery(settings)
    send(celery, TaskName.SWEEP)
    celery.close()
    with api_client(settings, engine) as api:
        yield schemathesis.openapi.from_wsgi("/openapi.json", api.app, config=CONFIG)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("tag", [resource.name for resource in RESOURCES])
def test_every_answer_to_requests_made_from_the_document_is_as_it_says(
    schema: Any, engine: Engine, mode: GenerationMode, tag: str
) -> None:
    headers = bearer(token(engine, *Scope, name="fuzz"))
    operations = list(schema.include(tag=tag).get_all_operations())
    assert operations
    for found in operations:
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            if mode is GenerationMode.POSITIVE and case.query:
                case.query.pop("cursor", None)  # only a list gives a good one
            if mode is GenerationMode.POSITIVE and "Idempotency-Key" in case.headers:
                case.headers["Idempotency-Key"] = uuid4().hex  # another one for each body
            case.call_and_validate(headers=headers)

        # A call without anything to get wrong has no wrong requests.
        with suppress(*[Unsatisfiable] * (mode is GenerationMode.NEGATIVE)):
            check()
