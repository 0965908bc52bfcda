"""Jira's refusals: one JSON shape for all of them, with Jira's own texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from flask import Response

NOT_FOUND = "Issue does not exist or you do not have permission to see it."
SEARCH_REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at "
    "https://developer.atlassian.com/changelog/#CHANGE-2046"
)


@dataclass(eq=False, repr=False)
class JiraRefusal(Exception):  # noqa: N818  an answer of Jira, not an error of ours
    """An answer other than 2xx: ``{"errorMessages": […], "errors": {field: text}}``."""

    status: int
    messages: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def response(self) -> Response:
        """The refusal as Jira sends it."""
        body = {"errorMessages": self.messages, "errors": self.errors}
        return json_response(body, status=self.status, headers=self.headers)


class GatewayRefusal(JiraRefusal):
    """An answer of Atlassian's gateway, in its own shape (JIRA.md, pain 23)."""

    def response(self) -> Response:
        """``{"code": 401, "message": …}``."""
        body = {"code": self.status, "message": self.messages[0]}
        return json_response(body, status=self.status, headers=self.headers)


def issue_not_found() -> JiraRefusal:
    """The same refusal for missing, deleted and hidden issues."""
    return JiraRefusal(404, [NOT_FOUND])


def project_not_found(key: str) -> JiraRefusal:
    """The refusal of a project that is missing or that the caller may not browse."""
    return JiraRefusal(404, [f"No project could be found with key '{key}'."])


def json_response(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer, by orjson: a page of 100 tickets has to take less than a millisecond."""
    return Response(
        orjson.dumps(body),
        status=status,
        headers=dict(headers or {}),
        content_type="application/json;charset=UTF-8",
    )


def control_refusal(message: str) -> Response:
    """The answer to an invalid request of the control API."""
    return json_response({"message": message}, status=400)
