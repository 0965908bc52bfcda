"""All settings with their defaults, limits and meaning, and what is derived from them."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.errors import SettingsError
from shared.settings.addresses import is_loopback, is_on_this_machine
from shared.settings.embedded import read_embedded
from shared.settings.jira_address import jira_address
from shared.settings.network import NetworkSettings
from shared.settings.patterns import Pattern, compiled
from shared.settings.strength import SIMULATORS_WEBHOOK_SECRET, strong, unknown_hash
from shared.settings.variable import env as _env

JIRA_CONNECT_SECONDS = 3.0
"""Timeout for connecting to Jira, unless ``jira_timeout_seconds`` is shorter."""
_NUMBER_SAMPLE = re.compile(r"1(?:[, ']?234\.|[. ']?234,)5")
ALL_PROJECTS = ("*",)
"""JIRA_PROJECT where every project that our account may see is meant."""
_PROJECT_KEY = Pattern(r"(?:\p{N}[\p{L}\p{M}\p{N}._-]*)?\p{L}[\p{L}\p{M}\p{N}._-]*")
_LIMIT_SHARE = 0.8
_SETTLE_SECONDS = 1.0
_SHORTEST_DRAIN = 1.0


class Deployment(StrEnum):
    """Which Jira we talk to."""

    AUTO = "auto"
    CLOUD = "cloud"
    DATACENTER = "datacenter"


class AuthMode(StrEnum):
    """Whether the loopback exception of spec/API.md, "Access", applies."""

    AUTO = "auto"
    REQUIRED = "required"


def _web_address(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    urlsplit(value)  # raises ValueError, for example for a bad IPv6 address
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_web_address)]
JiraAddress = Annotated[str, AfterValidator(jira_address)]


class Settings(NetworkSettings):
    """The settings. Durations are in seconds unless the name says otherwise."""

    # Code may use the fields' names, but the environment must not: HOME, HOST or PORT of any shell
    # would be read. So the fields' names get a prefix that no environment variable can have.
    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        env_prefix="=",
    )

    home: Path = _env("ROUTECARD_HOME", Path(".routecard"), "Folder of the embedded servers' data.")
    database_url: SecretStr | None = _env(
        "DATABASE_URL",
        None,
        "PostgreSQL, as postgresql://user:password@host:5432/name. Unset: the embedded one.",
    )
    redis_url: SecretStr | None = _env(
        "REDIS_URL", None, "Redis or Valkey, as redis://host:6379/0. Unset: the embedded one."
    )
    host: str = _env("ROUTECARD_HOST", "127.0.0.1", "Address the API listens on.")
    port: int = _env("ROUTECARD_PORT", 3000, "Port of the API.", ge=1, le=65535)
    simulator_port: int = _env(
        "ROUTECARD_SIMULATOR_PORT", 8090, "Port of the Jira simulator.", ge=1, le=65535
    )
    simulator_host: str = _env(
        "ROUTECARD_SIMULATOR_HOST", "127.0.0.1", "Address the Jira simulator listens on."
    )
    simulator_webhook_url: Address = _env(
        "ROUTECARD_SIMULATOR_WEBHOOK_URL",
        "",
        "Where the simulator sends its webhooks. Unset: it sends none.",
    )
    auth: AuthMode = _env(
        "ROUTECARD_AUTH",
        AuthMode.AUTO,
        "auto (open under `routecard dev` while no token and no operator exists) | required.",
    )
    secret_key: SecretStr | None = _env(
        "ROUTECARD_SECRET_KEY",
        None,
        "Signs dashboard sessions; the same for every API process; at least 32 characters.",
    )
    trusted_proxies: int = _env(
        "ROUTECARD_TRUSTED_PROXIES", 0, "How many reverse proxies stand in front.", ge=0, le=10
    )
    requests_per_minute: int = _env(
        "ROUTECARD_REQUESTS_PER_MINUTE",
        0,
        "Requests a minute that one API token may send; 0 = no limit.",
        ge=0,
        le=10_000_000,
    )
    api_threads: int = _env("ROUTECARD_API_THREADS", 16, "Request threads a process.", ge=2, le=512)
    api_workers: int = _env("ROUTECARD_API_WORKERS", 1, "API processes.", ge=1, le=64)
    worker_processes: int = _env(
        "ROUTECARD_WORKER_PROCESSES", 4, "Pool processes of one worker.", ge=3, le=64
    )
    log_format: str = _env(
        "ROUTECARD_LOG_FORMAT", "json", "json | console.", pattern="json|console"
    )
    log_level: str = _env(
        "ROUTECARD_LOG_LEVEL",
        "INFO",
        "DEBUG | INFO | WARNING | ERROR.",
        pattern="DEBUG|INFO|WARNING|ERROR",
    )

    jira_base_url: JiraAddress = _env(
        "JIRA_BASE_URL", "", "Where Jira's REST API answers, e.g. https://shop.atlassian.net."
    )
    jira_browse_url: JiraAddress = _env(
        "JIRA_BROWSE_URL", "", "Where people open tickets. Unset: the same as JIRA_BASE_URL."
    )
    jira_email: str = _env(
        "JIRA_EMAIL", "", "Cloud: e-mail of the account. Data Center without a PAT: its user name."
    )
    jira_api_token: SecretStr | None = _env(
        "JIRA_API_TOKEN", None, "Cloud: its API token. Data Center without a PAT: its password."
    )
    jira_pat: SecretStr | None = _env("JIRA_PAT", None, "Data Center: personal access token.")
    jira_deployment: Deployment = _env(
        "JIRA_DEPLOYMENT", Deployment.AUTO, "auto | cloud | datacenter."
    )
    jira_project: Annotated[tuple[str, ...], NoDecode] = _env(
        "JIRA_PROJECT",
        (),
        "Keys of the projects that are polled and may fill jobs, separated by commas; * = all that "
        "our account may see. Unset: every ticket may fill a job, and nothing is polled.",
    )
    jira_key_pattern: str = _env(
        "JIRA_KEY_PATTERN",
        "",
        "Regular expression (RE2) for a whole ticket key in capitals. Unset: Cloud's own pattern; "
        "on Data Center one that also takes keys such as 4ME-12 and B7-214-68901.",
    )
    jira_field_part_number: str = _env(
        "JIRA_FIELD_PART_NUMBER",
        "",
        "Fields with the part number: ids or names, separated by commas; the first that holds a "
        "value counts. PI=customfield_1 is for project PI alone.",
    )
    jira_field_quantity: str = _env(
        "JIRA_FIELD_QUANTITY", "", "Fields with the quantity, in the same form."
    )
    jira_field_epic_link: str = _env(
        "JIRA_FIELD_EPIC_LINK", "", "Epic-link fields (Data Center, old Cloud), in the same form."
    )
    jira_quantity_format: str = _env(
        "JIRA_QUANTITY_FORMAT",
        "plain",
        "How quantities are written in text fields: plain (digits alone), or a sample such as "
        "1,234.5 or 1.234,5 or 1 234,5.",
    )
    jira_part_number_pattern: str = _env(
        "JIRA_PART_NUMBER_PATTERN",
        "",
        "Regular expression (RE2) that finds the part number in the summary where no field is "
        "mapped.",
    )
    jira_webhook_secret: SecretStr | None = _env(
        "JIRA_WEBHOOK_SECRET",
        None,
        "Secret entered in Jira's webhook form; at least 16 characters.",
    )
    jira_webhook_secret_previous: SecretStr | None = _env(
        "JIRA_WEBHOOK_SECRET_PREVIOUS", None, "The former secret, while it is being replaced."
    )
    jira_webhook_token_hash: str = _env(
        "JIRA_WEBHOOK_TOKEN_HASH", "", "SHA-256 (hex) of the token of senders that cannot sign."
    )
    jira_webhook_user: str = _env(
        "JIRA_WEBHOOK_USER",
        "",
        "User in Data Center's webhook form, for Basic authentication.",
    )
    jira_webhook_password: SecretStr | None = _env("JIRA_WEBHOOK_PASSWORD", None, "Its password.")
    delivery_body_days: int = _env(
        "ROUTECARD_DELIVERY_BODY_DAYS",
        14,
        "How long the bodies of webhook deliveries are kept, for looking at them and for replay.",
        ge=1,
        le=3650,
    )
    delivery_days: int = _env(
        "ROUTECARD_DELIVERY_DAYS", 90, "How long webhook deliveries are kept.", ge=1, le=3650
    )
    attempt_days: int = _env(
        "ROUTECARD_ATTEMPT_DAYS", 90, "How long attempts of sync tasks are kept.", ge=1, le=3650
    )
    jira_poll_seconds: int = _env(
        "JIRA_POLL_SECONDS", 60, "How often changes are read from Jira; 0 = never.", ge=0, le=86400
    )
    jira_copy_fresh_seconds: int = _env(
        "JIRA_COPY_FRESH_SECONDS",
        0,
        "Age up to which our copy may fill a job; 0 = never.",
        ge=0,
        le=86400,
    )
    jira_requests_per_minute: int = _env(
        "JIRA_REQUESTS_PER_MINUTE", 600, "Budget of all workers together.", ge=1, le=60000
    )
    jira_timeout_seconds: float = _env(
        "JIRA_TIMEOUT_SECONDS", 20.0, "Longest silence of one Jira call.", gt=0, le=60
    )
    lease_seconds: float = _env(
        "ROUTECARD_LEASE_SECONDS",
        90.0,
        "How long a worker may hold a batch; 60 is the least for a JIRA_TIMEOUT_SECONDS of 20.",
        ge=1,
        le=600,
    )

    @field_validator("jira_project", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(dict.fromkeys(k.strip().upper() for k in value.split(",") if k.strip()))
        return value

    @field_validator("jira_project")
    @classmethod
    def _keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value == ALL_PROJECTS:
            return value
        for project in value:
            if not _PROJECT_KEY.fits(project):
                alone = ", and * only alone" if project in ALL_PROJECTS else ""
                raise ValueError(f"takes keys of projects, such as PI, not {project!r}{alone}")
        return value

    @field_validator("jira_key_pattern", "jira_part_number_pattern")
    @classmethod
    def _regular_expression(cls, value: str) -> str:
        if value:
            compiled(value)
        return value

    @field_validator("jira_quantity_format")
    @classmethod
    def _number_sample(cls, value: str) -> str:
        if value != "plain" and not _NUMBER_SAMPLE.fullmatch(value):
            raise ValueError("must be plain, or 1234.5 as people write it: 1,234.5 or 1.234,5")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("postgresql", "postgres")):
            raise ValueError("must be a PostgreSQL address, postgresql://user:password@host/name")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("must be a Redis address, redis://host:6379/0")
        return value

    @field_validator("jira_webhook_token_hash")
    @classmethod
    def _hex(cls, value: str) -> str:
        if value and (len(value) != 64 or set(value.lower()) - set("0123456789abcdef")):  # noqa: PLR2004  SHA-256 in hex
            raise ValueError("must be 64 hexadecimal digits, as printed by `sha256sum`")
        return unknown_hash(value.lower())

    @field_validator("secret_key")
    @classmethod
    def _strong_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            strong(value.get_secret_value(), characters=32)
        return value

    @field_validator("jira_webhook_secret", "jira_webhook_secret_previous", "jira_webhook_password")
    @classmethod
    def _strong_webhook_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value and value.get_secret_value() != SIMULATORS_WEBHOOK_SECRET:
            strong(value.get_secret_value(), characters=16)
        return value

    @model_validator(mode="after")
    def _published_secret(self) -> Self:
        """Refuse the simulator's published secret where anything but this machine is concerned."""
        secrets = (self.jira_webhook_secret, self.jira_webhook_secret_previous)
        published = any(s and s.get_secret_value() == SIMULATORS_WEBHOOK_SECRET for s in secrets)
        jira_here = not self.jira_base_url or is_on_this_machine(self.jira_base_url)
        if published and not (jira_here and is_loopback(self.host)):
            raise ValueError(
                "JIRA_WEBHOOK_SECRET is the one that the simulator publishes, which is for "
                "development on one machine: make one with `openssl rand -hex 32`"
            )
        return self

    @field_validator("jira_webhook_user")
    @classmethod
    def _no_colon(cls, value: str) -> str:
        if ":" in value:
            raise ValueError("must not contain a colon, which ends the user (RFC 7617)")
        return value

    @model_validator(mode="after")
    def _webhook_login_complete(self) -> Self:
        password = self.jira_webhook_password
        if bool(self.jira_webhook_user) != bool(password and password.get_secret_value()):
            raise ValueError("JIRA_WEBHOOK_USER and JIRA_WEBHOOK_PASSWORD go together: set both")
        return self

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Check: HTTP timeout < task limit < lease (docs/architecture.md, time limits)."""
        if self.drain_seconds < _SHORTEST_DRAIN:
            needed = (2 * self.call_seconds + _SETTLE_SECONDS + _SHORTEST_DRAIN) / _LIMIT_SHARE
            raise ValueError(
                f"ROUTECARD_LEASE_SECONDS is {self.lease_seconds:g}: with JIRA_TIMEOUT_SECONDS at "
                f"{self.jira_timeout_seconds:g} it must be at least {needed:g}, or work is taken "
                "back from a worker whose Jira is only slow. Raise the one or lower the other"
            )
        return self

    @property
    def call_seconds(self) -> float:
        """The longest time one call to Jira takes: the connection and the whole answer."""
        return self.jira_timeout_seconds + min(JIRA_CONNECT_SECONDS, self.jira_timeout_seconds)

    @property
    def drain_limit(self) -> float:
        """Celery's time limit for tasks that hold a lease; it is shorter than the lease."""
        return self.lease_seconds * _LIMIT_SHARE

    @property
    def drain_seconds(self) -> float:
        """How long a drain starts new calls.

        Within ``drain_limit`` there is then still time for the call in progress, a call that
        checks the credentials, and settling the tasks.
        """
        return min(
            self.lease_seconds / 2, self.drain_limit - 2 * self.call_seconds - _SETTLE_SECONDS
        )

    @property
    def webhook_login(self) -> tuple[str, str] | None:
        """User and password by which a webhook may prove its sender; None if they are not set."""
        if not self.jira_webhook_user or self.jira_webhook_password is None:
            return None
        return self.jira_webhook_user, self.jira_webhook_password.get_secret_value()

    @property
    def allowed_projects(self) -> tuple[str, ...]:
        """The only projects whose tickets may fill jobs; empty: JIRA_PROJECT allows all."""
        return () if self.jira_project == ALL_PROJECTS else self.jira_project

    @property
    def plain_jira(self) -> bool:
        """Whether our credentials travel to Jira unencrypted over a network."""
        return self.jira_base_url.startswith("http://") and not is_on_this_machine(
            self.jira_base_url
        )

    @property
    def browse_url(self) -> str:
        """Base address of the links to tickets."""
        return self.jira_browse_url or self.jira_base_url

    def database_dsn(self) -> str:
        """SQLAlchemy address of PostgreSQL: the setting, else the embedded server.

        Raises SettingsError if there is neither.
        """
        url = self._server(self.database_url, "DATABASE_URL")
        return "postgresql+psycopg://" + url.split("://", 1)[1]

    def redis_dsn(self) -> str:
        """Address of the Redis-protocol server. Raises SettingsError if there is none."""
        return self._server(self.redis_url, "REDIS_URL")

    def _server(self, setting: SecretStr | None, name: str) -> str:
        if setting is not None:
            return setting.get_secret_value()
        known = read_embedded(self.home).get(name)
        if known:
            return known
        raise SettingsError(
            f"{name} is not set and no embedded server was started in {self.home}: "
            f"run `routecard dev`, or set {name}."
        )
