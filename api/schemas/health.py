"""Signs of life."""

from typing import Literal

from pydantic import Field

from api.schemas.answers import Answer


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"]


class Ready(Answer):
    """The process can serve, perhaps without some of the parts that work behind it."""

    status: Literal["ready"]
    degraded: list[str] = Field(
        description="What is away: `broker`, `worker`, `beat`, or a project in `JIRA_PROJECT` that "
        "Jira does not show. Work waits for it, and nothing is lost.",
        examples=[["worker", "project GONE"]],
    )
