"""The port over a real Jira, Cloud or Data Center."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.clock import Clock
from shared.settings import Deployment, Settings
from worker.jira.bulk_read import read_tickets
from worker.jira.changes import scan
from worker.jira.cloud import Cloud
from worker.jira.datacenter import DataCenter
from worker.jira.dialect import Dialect, RawPage
from worker.jira.errors import CallRefused, JiraCredentialsRefused, JiraUnavailable
from worker.jira.fields.mapping import FieldInfo, FieldMapping, resolve
from worker.jira.http.connection import Budget, Connection, Observer
from worker.jira.port import Account, ChangeQuery, Jira, Page, Permissions, ReadResult, ServerInfo

_FORBIDDEN = 403
_BUDGET_WAIT = 60.0
"""Seconds that a call without a deadline waits for the shared budget."""


def make_jira(
    settings: Settings,
    *,
    clock: Clock,
    budget: Budget | None = None,
    observe: Observer | None = None,
) -> Jira:
    """The Jira of the settings, for one thread of one process; call it after the fork.

    This makes no request; a missing setting is reported by the first call. ``observe`` is called
    for every exchange, to count it; it must not keep headers.
    """
    connection = Connection(settings, clock=clock, budget=budget, observe=observe)
    return JiraClient(settings, connection=connection, clock=clock)


class JiraClient:
    """Implements ``port.Jira``; deployment and mapping are resolved once, when first needed."""

    def __init__(self, settings: Settings, *, connection: Connection, clock: Clock) -> None:
        self._settings = settings
        self._connection = connection
        self._clock = clock
        self._dialect: Dialect | None = None
        self._mapping: FieldMapping | None = None

    def read(self, keys: Sequence[str], *, deadline: float) -> ReadResult:
        """See ``port.Jira``."""
        mapping = self.mapping()
        source = _IssueSource(self, self._connection, self.dialect(), mapping, deadline)
        return read_tickets(
            keys,
            source=source,
            mapping=mapping,
            has_time=lambda: self._clock.monotonic() < deadline,
        )

    def changed_since(self, query: ChangeQuery) -> Iterator[Page]:
        """See ``port.Jira``. CallRefused: a project is missing or hidden from our account."""
        mapping = self.mapping()
        dialect = self.dialect()

        def search(jql: str, *, size: int, following: str | None) -> RawPage:
            return dialect.search(
                self._connection,
                jql,
                mapping.field_ids(),
                size=size,
                following=following,
                deadline=self._deadline(),
            )

        return scan(query, search=search, mapping=mapping)

    def verify(self) -> Account:
        """See ``port.Jira``. Uses ``myself``, which Jira always refuses to anonymous callers."""
        try:
            raw = self._connection.get("myself", deadline=self._deadline())
        except CallRefused as refusal:
            raise _not_verified(refusal) from None
        known = _object(raw, "who we are")
        account = known.get("accountId") or known.get("key") or known.get("name")
        if not account:
            raise JiraUnavailable("Jira answered `myself` without naming an account")
        return Account(
            account_id=str(account),
            display_name=str(known.get("displayName") or account),
            email=_text(known.get("emailAddress")),
            time_zone=_text(known.get("timeZone")),
        )

    def mapping(self) -> FieldMapping:
        """See ``port.Jira``. A mapping that cannot be resolved is tried again at the next call."""
        if self._mapping is None:
            self._mapping = resolve(self._settings, known=self.fields)
        return self._mapping

    def fields(self) -> list[FieldInfo]:
        """See ``port.Jira``. Jira hides fields from a bad token: so it is checked first."""
        self.verify()
        raw = self._connection.get("field", deadline=self._deadline())
        if not isinstance(raw, list):
            raise JiraUnavailable("Jira answered without a list of fields")
        return [FieldInfo.from_raw(one) for one in raw if isinstance(one, Mapping)]

    def permissions(self, project: str) -> Permissions:
        """See ``port.Jira``."""
        params = {"projectKey": project, "permissions": "BROWSE_PROJECTS"}
        raw = _object(
            self._connection.get("mypermissions", params, deadline=self._deadline()), "permissions"
        )
        granted = raw.get("permissions")
        browse = granted.get("BROWSE_PROJECTS") if isinstance(granted, Mapping) else None
        may = isinstance(browse, Mapping) and browse.get("havePermission") is True
        return Permissions(project=project, may_browse=may)

    def server_info(self) -> ServerInfo:
        """See ``port.Jira``."""
        try:
            raw = self._connection.get("serverInfo", deadline=self._deadline())
        except CallRefused as refusal:
            raise JiraUnavailable(
                f"{refusal.message}: is JIRA_BASE_URL right?", status=refusal.status
            ) from None
        known = _object(raw, "what it is")
        return ServerInfo(
            deployment=self._deployment(known.get("deploymentType")),
            version=str(known.get("version") or ""),
            title=str(known.get("serverTitle") or ""),
            base_url=str(known.get("baseUrl") or ""),
        )

    def close(self) -> None:
        """See ``port.Jira``."""
        self._connection.close()

    def dialect(self) -> Dialect:
        """As JIRA_DEPLOYMENT says, or serverInfo; a failed request is not cached."""
        if self._dialect is None:
            kind = self._settings.jira_deployment
            if kind is Deployment.AUTO:
                kind = self.server_info().deployment
            self._dialect = Cloud() if kind is Deployment.CLOUD else DataCenter()
        return self._dialect

    def _deployment(self, kind: object) -> Deployment:
        """As ``deploymentType`` says; if it is absent, as the configured credentials suggest."""
        if kind:
            return Deployment.CLOUD if kind == "Cloud" else Deployment.DATACENTER
        return Deployment.DATACENTER if self._settings.jira_pat else Deployment.CLOUD

    def _deadline(self) -> float:
        return self._clock.monotonic() + _BUDGET_WAIT


class _IssueSource:
    """The requests of one ``read``, under its deadline."""

    def __init__(
        self,
        client: JiraClient,
        connection: Connection,
        dialect: Dialect,
        mapping: FieldMapping,
        deadline: float,
    ) -> None:
        self._client = client
        self._connection = connection
        self._dialect = dialect
        self._fields = mapping.field_ids()
        self._deadline = deadline

    def bulk(self, names: Sequence[str]) -> list[Any]:
        return self._dialect.bulk(self._connection, names, self._fields, deadline=self._deadline)

    def single(self, name: str) -> Any:
        params = {"fields": ",".join(self._fields)}
        return self._connection.get(f"issue/{name}", params, deadline=self._deadline)

    def verify_credentials(self) -> None:
        self._client.verify()


def _not_verified(refusal: CallRefused) -> JiraCredentialsRefused | JiraUnavailable:
    if refusal.status == _FORBIDDEN:
        return JiraCredentialsRefused(
            f"our account may not ask who it is (scope read:jira-user): {refusal.message}",
            status=refusal.status,
        )
    return JiraUnavailable(
        f"{refusal.message}: is JIRA_BASE_URL the address of Jira's API?", status=refusal.status
    )


def _object(raw: object, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise JiraUnavailable(f"Jira did not say {what} in a form we know")
    return raw


def _text(value: object) -> str | None:
    return str(value) if value else None
