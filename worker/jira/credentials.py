"""Prove the credentials: by ``myself``, or by a read where our token may not ask who we are.

A token needs ``read:jira-user`` for ``myself``, and a gateway may not let it pass; Routecard itself
only needs to read tickets (JIRA.md, pain 23). To a bad token Jira looks empty, so a read proves the
credentials only if it shows something, or if its headers name an account.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from worker.jira.endpoints import Endpoints, is_refused
from worker.jira.errors import (
    CallRefused,
    JiraCredentialsRefused,
    JiraError,
    JiraScopeMissing,
    JiraUnavailable,
    SearchUnavailable,
)
from worker.jira.http.connection import Connection
from worker.jira.port import Account
from worker.jira.reads.reader import Reader
from worker.jira.reads.searches import RawPage

MYSELF = "GET myself"
_FORBIDDEN = 403


@dataclass(slots=True)
class Credentials:
    """``find_one`` searches for any ticket, and returns whether there is one.

    ``found_id`` is the id of the ticket that was read last, if there is one.
    """

    connection: Connection
    endpoints: Endpoints
    find_one: Callable[[], bool]
    found_id: str | None = None

    def verify(self, found_id: str | None = None) -> Account:
        """Raise JiraError unless the credentials are valid now.

        ``found_id`` is the id of a ticket that has just been read, if there is one.
        """
        self.found_id = found_id or self.found_id
        refusal = self.endpoints.refusal(MYSELF)
        if refusal is None:
            try:
                return _account(self.connection.get("myself"))
            except JiraError as error:
                if not is_refused(error):
                    raise
                refusal = error
        account = self._by_read(refusal)
        self.endpoints.refuse(MYSELF, refusal)
        return account

    def _by_read(self, refusal: JiraError) -> Account:
        reads: list[Callable[[], bool]] = [self._may_browse_a_project, self.find_one]
        if self.found_id is not None:
            reads.insert(0, partial(self._reads, self.found_id))
        refusals: list[JiraError] = []
        for read in reads:
            try:
                shown = read()
            except JiraError as error:
                if not (isinstance(error, CallRefused) or is_refused(error)):
                    raise
                refusals.append(error)
                continue
            if shown or self.connection.account:
                return _unnamed(self.connection.account)
        raise _unproven(refusal, answered=len(refusals) < len(reads))

    def _reads(self, found_id: str) -> bool:
        raw = self.connection.get(f"issue/{found_id}", {"fields": "updated"})
        return isinstance(raw, Mapping) and bool(raw.get("id"))

    def _may_browse_a_project(self) -> bool:
        params = {"permissions": "BROWSE_PROJECTS"}
        return has_permission(self.connection.get("mypermissions", params))


@dataclass(frozen=True, slots=True)
class VerifiedSearch:
    """A search; where none is answered, it is found out whether Jira as a whole is away."""

    reader: Reader
    credentials: Credentials

    def __call__(self, jql: str, *, size: int, following: str | None) -> RawPage:
        """Read one page."""
        try:
            return self.reader.search(jql, size=size, following=following)
        except SearchUnavailable:
            self.credentials.verify()
            raise


def has_permission(raw: object) -> bool:
    """Whether an answer of ``mypermissions`` grants Browse Projects."""
    granted = raw.get("permissions") if isinstance(raw, Mapping) else None
    browse = granted.get("BROWSE_PROJECTS") if isinstance(granted, Mapping) else None
    return isinstance(browse, Mapping) and browse.get("havePermission") is True


def _account(raw: object) -> Account:
    known: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    account = known.get("accountId") or known.get("key") or known.get("name")
    if not account:
        raise JiraUnavailable("Jira answered `myself` without naming an account")
    return Account(
        account_id=str(account),
        display_name=str(known.get("displayName") or account),
        email=_text(known.get("emailAddress")),
        time_zone=_text(known.get("timeZone")),
    )


def _text(value: object) -> str | None:
    return str(value) if value else None


def _unnamed(account: str | None) -> Account:
    """An account that Jira names in a header at most."""
    return Account(account_id=account or "", display_name=account or "", email=None, time_zone=None)


def _unproven(refusal: JiraError, *, answered: bool) -> JiraError:
    """``answered``: a read was answered, though it showed nothing."""
    if answered:
        return JiraCredentialsRefused(
            f"nothing shows that Jira accepts our credentials: our account sees no ticket and may "
            f"browse no project, and `myself` is refused ({refusal.message})",
            status=refusal.status,
        )
    if isinstance(refusal, JiraScopeMissing):
        return refusal
    if refusal.status == _FORBIDDEN and isinstance(refusal, CallRefused):
        return JiraCredentialsRefused(
            f"our account may neither ask who it is nor read: {refusal.message}",
            status=refusal.status,
        )
    return JiraUnavailable(
        f"{refusal.message}: is JIRA_BASE_URL the address of Jira's API?",
        status=refusal.status,
        remedy=refusal.remedy,
    )
