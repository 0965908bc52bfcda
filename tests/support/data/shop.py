"""Production over HTTP: one job, its paths and its units."""

from functools import cached_property
from typing import Any

from werkzeug.test import TestResponse

from tests.dsl import ApiClient


class Shop:
    """Short calls of the API for one job. Every call must succeed."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api

    @cached_property
    def job(self) -> dict[str, Any]:
        """The job, for four units."""
        return self.api.job(goalQuantity=4)

    def path(self, *steps: str | dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A path of the job; a step is its name, or all of it."""
        content = {
            "jobId": self.job["id"],
            "name": "Main line",
            "goalQuantity": 10,
            "steps": [{"name": step} if isinstance(step, str) else step for step in steps],
        }
        made: dict[str, Any] = self._post("/api/paths", {**content, **changes}, status=201)
        return made

    def serials(self, path: dict[str, Any], quantity: int) -> list[dict[str, Any]]:
        """New units at the first step of a path."""
        content = {"jobId": path["jobId"], "pathId": path["id"], "quantity": quantity}
        made: list[dict[str, Any]] = self._post("/api/serials", content, status=201)
        return made

    def serial(self, identifier: str) -> dict[str, Any]:
        """A unit as it is now."""
        answer = self.api.get(f"/api/serials/{identifier}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def advance(self, identifiers: list[str]) -> None:
        """Move these units one step each."""
        answer = self._post("/api/serials/advance", {"ids": identifiers}, status=207)
        assert answer["failed"] == 0, answer

    def scrap(self, identifier: str, **changes: Any) -> dict[str, Any]:
        """Take a unit out."""
        content = {"reason": "damaged", **changes}
        ended: dict[str, Any] = self._post(f"/api/serials/{identifier}/scrap", content, status=200)
        return ended

    def _post(self, address: str, content: Any, *, status: int) -> Any:
        answer = self.api.post(address, content)
        assert answer.status_code == status, answer.text
        return answer.get_json()


def refusal(answer: TestResponse, status: int) -> str:
    """The message of an answer that must be a refusal with this status."""
    assert answer.status_code == status, answer.text
    shown = answer.get_json()
    assert shown["statusCode"] == status
    return str(shown["message"])
