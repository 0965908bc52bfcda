"""What a simulator is started with, and the settings that can be changed while it runs."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from worker.simulator import defaults
from worker.simulator.members import Members


class Deployment(StrEnum):
    """The two products named Jira; the values are those of ``serverInfo.deploymentType``."""

    CLOUD = "Cloud"
    SERVER = "Server"


class RuntimeSettings(Members, frozen=True):
    """Behaviour that ``PATCH /_sim/settings`` changes at run time; times are in the unit named."""

    latency_ms: float = 0.0
    search_lag_seconds: float = 0.0
    requests_per_second: float = 0.0
    expired: bool = False
    captcha: bool = False
    captcha_after: int = 0
    short_pages: bool = False
    missing_key_is_error: bool = True
    hidden_project_is_error: bool = True
    per_issue_writes: bool = True
    retry_scale: float = 0.01

    def changed(self, values: Any) -> Self:
        """A copy with the camel-cased ``values``; raises ``InvalidControlError``."""
        return self.model_copy(update=self.of(values).model_dump(exclude_unset=True))

    def to_json(self) -> dict[str, Any]:
        """The settings under the names that ``changed`` takes."""
        return self.model_dump(by_alias=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Everything a simulator starts with; ``port`` 0 takes a free one, ``tickets`` is PI's count.

    ``email``, ``api_token`` and ``pat`` are the credentials that it accepts.
    ``public_url`` is the address that ``self`` links carry (default: the address it listens on).
    ``retry_scale`` shortens Jira's 5-15 minutes between tries of a webhook: 0.01 is 3-9 s.
    """

    host: str = defaults.HOST
    port: int = defaults.PORT
    deployment: Deployment = Deployment.CLOUD
    public_url: str | None = None
    email: str = defaults.EMAIL
    api_token: str = defaults.API_TOKEN
    pat: str = defaults.PAT
    tickets: int = defaults.TICKETS
    webhook_url: str | None = None
    webhook_secret: str = defaults.WEBHOOK_SECRET
    admin: bool = True
    webhook_timeout_seconds: float = 20.0
    retry_scale: float = 0.01
    requests_per_second: float = 0.0
    scopes: frozenset[str] = field(
        default_factory=lambda: frozenset({"read:jira-work", "read:jira-user"})
    )

    def settings(self) -> RuntimeSettings:
        """The settings at the start."""
        return RuntimeSettings(
            requests_per_second=self.requests_per_second, retry_scale=self.retry_scale
        )
