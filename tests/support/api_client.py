"""A test client of the API with JSON in and out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from shared.settings import Settings
from tests.support.api import application


class ApiClient:
    """The test client of an application, with JSON in and out."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()

    def get(self, address: str, **options: Any) -> TestResponse:
        """GET."""
        return self.client.get(address, **options)

    def post(self, address: str, content: Any, **options: Any) -> TestResponse:
        """POST JSON."""
        return self.client.post(address, json=content, **options)

    def raw(self, method: str, address: str, body: bytes, **options: Any) -> TestResponse:
        """Any method with a body as it is, said to be JSON."""
        options.setdefault("content_type", "application/json")
        return self.client.open(address, method=method, data=body, **options)

    def put(self, address: str, content: Any, **options: Any) -> TestResponse:
        """PUT JSON."""
        return self.client.put(address, json=content, **options)

    def patch(self, address: str, content: Any, **options: Any) -> TestResponse:
        """PATCH JSON."""
        return self.client.patch(address, json=content, **options)

    def delete(self, address: str, **options: Any) -> TestResponse:
        """DELETE."""
        return self.client.delete(address, **options)

    def job(self, **changes: Any) -> dict[str, Any]:
        """Create a job; what the API answered."""
        answer = self.post("/api/jobs", {"name": "JOB-1", "goalQuantity": 5, **changes})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.get_json()
        return created


@contextmanager
def api_client(settings: Settings, engine: Engine) -> Iterator[ApiClient]:
    """The API in this process, on the test's database and broker."""
    with application(settings, engine) as app:
        yield ApiClient(app)
