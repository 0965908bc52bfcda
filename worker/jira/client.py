"""The calls that the worker makes to Jira, Cloud or Data Center."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.clock import Clock
from shared.settings import Deployment, Settings
from shared.tickets.ticket import Ticket
from worker.jira.bulk_read import BulkRead
from worker.jira.changes import scan
from worker.jira.cloud import Cloud
from worker.jira.datacenter import DataCenter
from worker.jira.dialect import Dialect
from worker.jira.errors import CallRefused, JiraCredentialsRefused, JiraUnavailable
from worker.jira.field_kinds import FieldKinds
from worker.jira.fields.mapping import FieldInfo, FieldMapping, resolve
from worker.jira.fields.readings import undecided
from worker.jira.fields.tickets import is_issue_id, ticket_from_issue
from worker.jira.http.connection import Connection, Observer
from worker.jira.port import Account, ChangeQuery, Page, ReadResult, ServerInfo
from worker.jira.rate_limit import SharedBudget

_FORBIDDEN = 403


def make_jira(
    settings: Settings,
    *,
    clock: Clock,
    budget: SharedBudget | None = None,
    observe: Observer | None = None,
) -> "Jira":
    """The Jira of the settings, for one thread of one process; call it after the fork.

    This makes no request; a missing setting is reported by the first call. ``observe`` is called
    for every exchange, to count it; it must not keep headers.
    """
    connection = Connection(settings, clock=clock, budget=budget, observe=observe)
    return Jira(settings, connection=connection, clock=clock)


class Jira:
    """Jira as the worker sees it. Every method may raise ``JiraError``, and each is bounded.

    Deployment and mapping are resolved once, when first needed.
    """

    def __init__(self, settings: Settings, *, connection: Connection, clock: Clock) -> None:
        self._settings = settings
        self._connection = connection
        self._clock = clock
        self._dialect: Dialect | None = None
        self._mapping: FieldMapping | None = None
        self._kinds = FieldKinds(connection, clock)

    def read(self, keys: Sequence[str], *, deadline: float) -> ReadResult:
        """Read tickets by key (any case) or id: in bulk, then singly those that were missing.

        ``deadline`` is in seconds of the clock's ``monotonic``; no read starts after it. Raises
        JiraError only without any result; a later failure is in ``interrupted``.
        """
        dialect = self._dialect_of(self.mapping())
        reads = BulkRead(self._clock, dialect, self._ticket, self.verify, deadline)
        return reads.read(keys)

    def changed_since(self, query: ChangeQuery) -> Iterator[Page]:
        """Pages of changed tickets; lazy, so that each can be stored before the next is read.

        CallRefused: a project is missing or hidden from our account.
        """
        dialect = self._dialect_of(self.mapping())
        return scan(query, search=dialect.search, convert=self._ticket)

    def verify(self) -> Account:
        """Check the credentials. Raises JiraCredentialsRefused or JiraCaptchaLock.

        It uses ``myself``, which Jira always refuses to anonymous callers.
        """
        try:
            raw = self._connection.get("myself")
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
        """The field mapping with every name resolved. Raises MappingError with candidates.

        A mapping that cannot be resolved is tried again at the next call.
        """
        if self._mapping is None:
            self._mapping = resolve(self._settings, known=self.fields)
        return self._mapping

    def mapping_with_kinds(self) -> FieldMapping:
        """The same, and of each field whether it holds wiki markup, as far as Jira tells."""
        unknown = {one.field_id for one in self.mapping().fields() if one.markup is None}
        if unknown:
            self._mapping = self.mapping().with_kinds(self._kinds.listed())
        return self.mapping()

    def fields(self) -> list[FieldInfo]:
        """Read every field that the account can see.

        Jira hides fields from a bad token: so it is checked first.
        """
        self.verify()
        raw = self._connection.get("field")
        if not isinstance(raw, list):
            raise JiraUnavailable("Jira answered without a list of fields")
        return [FieldInfo.from_raw(one) for one in raw if isinstance(one, Mapping)]

    def may_browse(self, project: str) -> bool:
        """Whether our account may browse it. CallRefused: it is missing or hidden from us."""
        params = {"projectKey": project, "permissions": "BROWSE_PROJECTS"}
        raw = _object(self._connection.get("mypermissions", params), "permissions")
        granted = raw.get("permissions")
        browse = granted.get("BROWSE_PROJECTS") if isinstance(granted, Mapping) else None
        return isinstance(browse, Mapping) and browse.get("havePermission") is True

    def server_info(self) -> ServerInfo:
        """Read version and deployment."""
        try:
            raw = self._connection.get("serverInfo")
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
        """Close the connections; the next call opens new ones."""
        self._connection.close()

    def _ticket(self, raw: object) -> Ticket:
        """The Ticket of an issue; Jira is asked once whether a field holds markup, if it matters.

        Raises UnusableTicket, and JiraError of that question.
        """
        issue = raw if isinstance(raw, Mapping) else {}
        fields = issue.get("fields")
        wanted = undecided(fields, self.mapping()) if isinstance(fields, Mapping) else set()
        if wanted and is_issue_id(issue_id := str(issue.get("id"))):
            kinds = self._kinds.of(wanted, issue_id=issue_id)
            self._mapping = self.mapping().with_kinds(kinds)
        return ticket_from_issue(raw, self.mapping())

    def _dialect_of(self, mapping: FieldMapping) -> Dialect:
        """As JIRA_DEPLOYMENT says, or serverInfo; a failed request is not cached."""
        if self._dialect is None:
            kind = self._settings.jira_deployment
            if kind is Deployment.AUTO:
                kind = self.server_info().deployment
            product = Cloud if kind is Deployment.CLOUD else DataCenter
            self._dialect = product(self._connection, mapping.field_ids())
        return self._dialect

    def _deployment(self, kind: object) -> Deployment:
        """As ``deploymentType`` says; if it is absent, as the configured credentials suggest."""
        if kind:
            return Deployment.CLOUD if kind == "Cloud" else Deployment.DATACENTER
        return Deployment.DATACENTER if self._settings.jira_pat else Deployment.CLOUD


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
