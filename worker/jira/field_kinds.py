"""Which fields hold wiki markup, as their schema says; asked only where a value depends on it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shared.clock import Clock
from worker.jira.endpoints import is_refused
from worker.jira.errors import CallRefused, JiraCredentialsRefused, JiraError, JiraUnavailable
from worker.jira.fields.mapping import holds_markup, kind_of
from worker.jira.http.connection import Connection

_AGAIN_SECONDS = 600.0
_BUDGET_SECONDS = 5.0


class FieldKinds:
    """Kinds by field id, for the life of a process: a custom field never changes its kind.

    They come from ``GET field``. A token with few scopes may not ask that; then ``expand=schema``
    of an issue that has the field tells it. What neither tells is asked again after ten minutes.
    """

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._known: dict[str, bool] = {}
        self._asked_until: dict[str, float] = {}

    def listed(self) -> dict[str, bool]:
        """What ``GET field`` tells: whether each field holds wiki markup.

        A refusal or a failure of this call is ignored: reads do not depend on it.
        """
        if self._is_due("field"):
            with suppress(CallRefused, JiraCredentialsRefused, JiraUnavailable):
                raw = self._get("field", {})
                fields = raw if isinstance(raw, list) else []
                objects = [one for one in fields if isinstance(one, Mapping)]
                self._take({str(one.get("id")): one.get("schema") for one in objects})
            self._postpone("field")
        return self._known

    def of(self, field_ids: set[str], *, issue_id: str) -> dict[str, bool]:
        """Those of these fields that Jira tells the kind of; ``issue_id`` names one that has them.

        Raises JiraError if the call failed as a whole.
        """
        if field_ids - self._known.keys():
            self.listed()
        missing = {one for one in field_ids - self._known.keys() if self._is_due(one)}
        if missing:
            params = {"fields": ",".join(sorted(missing)), "expand": "schema"}
            try:
                issue = self._get(f"issue/{issue_id}", params)
            except JiraError as error:
                if not (isinstance(error, CallRefused) or is_refused(error)):
                    raise
            else:
                schema = issue.get("schema") if isinstance(issue, Mapping) else None
                self._take(schema if isinstance(schema, Mapping) else {})
            self._postpone(*missing)
        return self._known

    def _get(self, path: str, params: Mapping[str, Any]) -> Any:
        deadline = self._clock.monotonic() + _BUDGET_SECONDS
        return self._connection.get(path, params, deadline=deadline)

    def _is_due(self, question: str) -> bool:
        now = self._clock.monotonic()
        return now >= self._asked_until.get(question, now)

    def _postpone(self, *questions: str) -> None:
        until = self._clock.monotonic() + _AGAIN_SECONDS
        self._asked_until.update(dict.fromkeys(questions, until))

    def _take(self, schemas: Mapping[str, Any]) -> None:
        for field_id, schema in schemas.items():
            markup = holds_markup(field_id, kind_of(schema))
            if markup is not None:
                self._known[field_id] = markup
