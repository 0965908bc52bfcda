"""The calls that the worker makes to Jira, Cloud or Data Center."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from shared.clock import Clock
from shared.settings import Deployment, Settings
from shared.settings.deployment import deduced
from shared.settings.issue_keys import key_rules, normal_key, project_of
from shared.tickets.ticket import Ticket
from worker.jira.changes import changed_jql, scan
from worker.jira.credentials import Credentials, VerifiedSearch, has_permission
from worker.jira.endpoints import Endpoints, is_info_refused, is_refused
from worker.jira.errors import (
    CallRefused,
    JiraCaptchaLock,
    JiraError,
    JiraLimited,
    JiraScopeMissing,
    JiraUnavailable,
    MappingError,
)
from worker.jira.field_kinds import FieldKinds
from worker.jira.fields.mapping import FieldInfo, FieldMapping, resolve
from worker.jira.fields.readings import undecided
from worker.jira.fields.tickets import is_issue_id, ticket_from_issue
from worker.jira.http.connection import Connection, Observer
from worker.jira.jql import in_projects
from worker.jira.long_queries import scan_in_parts
from worker.jira.port import Account, ChangeQuery, Page, ReadResult, ServerInfo
from worker.jira.rate_limit import SharedBudget
from worker.jira.reads.bulk_read import BulkRead
from worker.jira.reads.reader import Bulk, Reader, searches_of

SERVER_INFO = "GET serverInfo"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_BAD_REQUEST = 400
_MISSING = (400, 403, 404)
_HIDDEN = "Our account may not browse it, or it does not exist"


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
        self._endpoints = Endpoints(clock)
        self._credentials = Credentials(connection, self._endpoints, self._finds_a_ticket)
        self._kind: Deployment | None = None
        self._mapping: FieldMapping | None = None
        self._kinds = FieldKinds(connection, clock)

    def read(self, keys: Sequence[str], *, deadline: float) -> ReadResult:
        """Read tickets by key (any case) or id: in bulk, then singly those that were missing.

        A ticket outside the projects of JIRA_PROJECT is refused.
        ``deadline`` is in seconds of the clock's ``monotonic``; no read starts after it. Raises
        JiraError only without any result; a later failure is in ``interrupted``.
        """
        reader, rules = self._reader(self.mapping().field_ids()), key_rules(self._settings)
        verify = self._credentials.verify
        result = BulkRead(self._clock, reader, self._ticket, rules, verify, deadline).read(keys)
        for ticket in result.found.values():
            self._credentials.found_id = ticket.issue_id
            break
        return result

    def read_in_bulk(self, keys: Sequence[str], *, deadline: float) -> Bulk:
        """One bulk read without single reads, to find out by what endpoint it is answered."""
        return self._reader(self.mapping().field_ids()).bulk(keys, deadline=deadline)

    def refusals(self) -> Mapping[str, JiraError]:
        """The endpoints that this Jira refused in the last ten minutes, by names as ``GET field``.

        Others answered instead.
        """
        return self._endpoints.refusals()

    def changed_since(self, query: ChangeQuery) -> Iterator[Page]:
        """Pages of changed tickets; lazy, so that each can be stored before the next is read.

        CallRefused: a project is missing or hidden from our account, or no search is answered.
        """
        search = VerifiedSearch(self._reader(self.mapping().field_ids()), self._credentials)
        one = partial(scan, search=search, convert=self._ticket)
        return scan_in_parts(query, scan=one, endpoints=self._endpoints)

    def verify(self) -> Account:
        """Check the credentials: JiraCredentialsRefused, JiraCaptchaLock, JiraScopeMissing.

        It uses ``myself``, which Jira always refuses to anonymous callers, or else a read.
        """
        return self._credentials.verify()

    def mapping(self) -> FieldMapping:
        """The field mapping with every name resolved. Raises MappingError with candidates.

        A mapping that cannot be resolved is tried again at the next call.
        """
        if self._mapping is None:
            try:
                self._mapping = resolve(self._settings, known=self.fields)
            except CallRefused as refusal:
                raise MappingError(
                    f"the names of fields cannot be looked up: {refusal.message}. "
                    "Set their ids, such as customfield_10908"
                ) from None
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
        """Whether our account may browse it. CallRefused: it is missing or hidden from us.

        Where ``mypermissions`` is refused, for example for its scope, a search tells it.
        """
        params = {"projectKey": project, "permissions": "BROWSE_PROJECTS"}
        try:
            return has_permission(self._connection.get("mypermissions", params))
        except JiraError as error:
            about_project = type(error) is CallRefused and error.status in _MISSING
            if about_project or not is_refused(error):
                raise
            reader = self._reader(("updated",))
            reader.search(in_projects([project]), size=1, following=None)
            return True

    def project_problem(self, project: str) -> str | None:
        """Why this project cannot be polled, for people; None if it can.

        A project that is missing or hidden is refused by a search, or looks as if it were empty.
        A search also takes a project's name, and the key it had before it was renamed.
        """
        search = VerifiedSearch(self._reader(("updated",)), self._credentials)
        jql = changed_jql(ChangeQuery(projects=(project,)), since=_BEGINNING)
        try:
            page = search(jql, size=1, following=None)
        except CallRefused as refusal:
            if refusal.status != _BAD_REQUEST:
                raise
            return refusal.message.rstrip(".")
        if not page.issues and page.following is None:
            return None if self._may_see(project) else _HIDDEN
        keys = [str(one.get("key")) for one in page.issues if isinstance(one, Mapping)]
        found = {project_of(normal_key(key)) for key in keys}
        if not found or project in found:
            return None
        return f"Jira answers with tickets of {', '.join(sorted(found))}: use that key"

    def _may_see(self, project: str) -> bool:
        """Whether the account may browse an empty project; True if Jira does not tell."""
        try:
            if self.may_browse(project):
                return True
        except JiraScopeMissing:
            return True
        except CallRefused as refusal:
            if refusal.status not in _MISSING:
                raise
        self.verify()
        return False

    def server_info(self) -> ServerInfo:
        """Read version and deployment."""
        try:
            raw = self._connection.get("serverInfo")
        except JiraScopeMissing:
            raise
        except CallRefused as refusal:
            raise JiraUnavailable(
                f"{refusal.message}: is JIRA_BASE_URL right?", status=refusal.status
            ) from None
        return self._server_info(_object(raw, "what it is"))

    def deployment(self) -> Deployment:
        """As JIRA_DEPLOYMENT says, or else serverInfo; where that is refused, as deduced.

        Neither a deduction nor a call that failed is kept for long.
        """
        if self._settings.jira_deployment is not Deployment.AUTO:
            return self._settings.jira_deployment
        if self._kind is not None:
            return self._kind
        if self._endpoints.refusal(SERVER_INFO) is None:
            try:
                self._kind = self.server_info().deployment
            except JiraError as error:
                if not is_info_refused(error):
                    raise
                self._endpoints.refuse(SERVER_INFO, error)
        return self._kind or deduced(self._settings)[0]

    def identity(self, *, deadline: float | None = None) -> ServerInfo | None:
        """What Jira says of itself; None if it answers, but refuses to say who it is.

        A gateway or a token with few scopes may refuse it, and tickets can be read all the same.
        Raises JiraError if nothing answers, or to stop all calls.
        """
        try:
            raw = self._connection.get("serverInfo", deadline=deadline)
        except (JiraLimited, JiraCaptchaLock):
            raise
        except JiraError as error:
            if error.status is None:
                raise
            return None
        known = raw if isinstance(raw, Mapping) else {}
        info = self._server_info(known)
        return info if info.base_url else None

    def forget(self) -> None:
        """Another Jira answers: what was found out about the one before does not hold."""
        self._kind = None
        self._mapping = None
        self._endpoints = Endpoints(self._clock)
        self._credentials = Credentials(self._connection, self._endpoints, self._finds_a_ticket)
        self._kinds = FieldKinds(self._connection, self._clock)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._connection.close()

    def _server_info(self, known: Mapping[str, Any]) -> ServerInfo:
        return ServerInfo(
            deployment=self._deployment(known.get("deploymentType")),
            version=str(known.get("version") or ""),
            title=str(known.get("serverTitle") or ""),
            base_url=str(known.get("baseUrl") or ""),
        )

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

    def _reader(self, fields: Sequence[str]) -> Reader:
        kind = self.deployment()
        return Reader(
            self._connection,
            self._endpoints,
            searches_of(self._connection, kind),
            fields,
            bulk_fetch=kind is not Deployment.DATACENTER,
        )

    def _finds_a_ticket(self) -> bool:
        """Whether a search shows a ticket, of our projects or of any: one of ours may be gone."""
        reader = self._reader(("updated",))
        for projects in dict.fromkeys((self._settings.allowed_projects, ())):
            jql = changed_jql(ChangeQuery(projects=projects), since=_BEGINNING)
            try:
                if reader.search(jql, size=1, following=None).issues:
                    return True
            except CallRefused as refusal:
                if refusal.status != _BAD_REQUEST:
                    raise
        return False

    def _deployment(self, kind: object) -> Deployment:
        """As ``deploymentType`` says; if it is absent, as the configured credentials suggest."""
        if kind:
            return Deployment.CLOUD if kind == "Cloud" else Deployment.DATACENTER
        return Deployment.DATACENTER if self._settings.jira_pat else Deployment.CLOUD


def _object(raw: object, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise JiraUnavailable(f"Jira did not say {what} in a form we know")
    return raw
