"""Actions from pages: the page that asks, the action, and its result."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import Response, flash, request
from sqlalchemy.orm import Session

from api.actions import bulk as bulk_requests
from api.auth.bearer import audit_context
from api.dashboard.kit.formats import counted, number, several
from api.dashboard.kit.labels import SKIPPED
from api.dashboard.kit.layout import redirect_after_post, render_page
from api.dashboard.kit.list_request import ListParameters
from api.dashboard.kit.pages import Pages
from api.runtime import in_transaction, notify, transaction
from shared.accounts.audit import AuditContext
from shared.actions import bulk
from shared.actions.counts import Counts
from shared.broker.wakeups import Wakeup
from shared.errors import ConflictError, InvalidInputError
from shared.models import BulkAction
from shared.states import Operation, Role

SAMPLE = 8
"""Rows that are shown of what will change."""
_MAX_REASON = 255
MAX_SELECTED = 200
"""Rows that can be selected one by one."""
_OWN_FIELDS = ("scope", "back", "id", "reason", "csrf_token")

F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a form does once it is sent. ``hidden`` fields and a ``reason`` go to ``action``.

    ``sample`` are rows of texts, the first of each a key or id. ``total`` is how many rows would
    change; if it is 0, the form cannot be sent.
    """

    title: str
    question: str
    verb: str
    action: str
    back: str
    total: int
    hidden: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    sample: Sequence[Sequence[str | None]] = ()
    danger: bool = False


def ask(confirmation: Confirmation) -> Response:
    """The page that asks."""
    shown = len(confirmation.sample)
    return render_page(
        "confirm",
        **asdict(confirmation),
        possible=confirmation.total > 0,
        more=confirmation.total - shown if shown else 0,
    )


def sent_reason() -> str | None:
    """Why the action is done, as its form says; None if it was left empty."""
    return request.form.get("reason", "").replace("\0", "").strip()[:_MAX_REASON] or None


@dataclass(frozen=True, slots=True)
class Selection(Generic[F]):
    """Which rows an address or a form means: the ones with these ids, or all that match.

    ``fields`` are the same as hidden fields of a form, ``back`` is the page to return to.
    """

    filters: F
    ids: tuple[str, ...]
    fields: list[tuple[str, str]]
    back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkFlow(Generic[F]):
    """One operation on rows of one list.

    ``verb`` begins the button, ``question`` has the place ``{count}``, and ``done`` follows a
    count: ``5 tasks retried``. ``select`` makes the filter of some ids. ``sample`` are rows of
    texts of what would change. ``notes`` are warnings beside the question. ``back_pages`` are
    pages that a form can name to return to; ``{}`` stands for the first id.
    """

    operation: Operation
    listing: ListParameters[Any]
    unit: str
    verb: str
    question: str
    done: str
    select: Callable[[tuple[str, ...]], F]
    sample: Callable[[Session, F, int], Sequence[Sequence[str | None]]]
    act_on_one: Callable[[Session, str, AuditContext], None]
    notes: Callable[[Session, F], Iterable[str]] = lambda _session, _filters: ()
    back_pages: Mapping[str, str] = field(default_factory=dict)
    danger: bool = False

    def add_to(self, pages: Pages, rule: str) -> None:
        """Register the page that asks, and the action of its form."""
        pages.page(rule, role=Role.FULL)(self.ask)
        pages.action(rule)(self.do)

    def ask(self) -> Response:
        """The page that says how many rows would change, and asks."""
        chosen = self._selection()
        with transaction() as session:
            counts = bulk.preview(session, self.operation, chosen.filters, most=bulk.MAX_COUNTED)
            sample = self.sample(session, chosen.filters, SAMPLE) if counts.changed else ()
            notes = [*self.notes(session, chosen.filters), *self._skipped(counts)]
        at_least = "at least " if counts.capped else ""
        count = at_least + counted(counts.changed, self.unit)
        return ask(
            Confirmation(
                title=f"{self.verb} {several(self.unit)}",
                question=self.question.format(count=count)
                if counts.changed
                else self._impossible(counts),
                verb=f"{self.verb} {count}",
                action=request.path,
                back=chosen.back,
                total=counts.changed,
                hidden=chosen.fields,
                notes=notes,
                sample=sample,
                danger=self.danger,
            )
        )

    def do(self) -> Response:
        """What the sent form asks for; then back to where it was asked."""
        chosen = self._selection()
        if len(chosen.ids) == 1:
            self.do_one(chosen.ids[0])
        else:
            context = audit_context(sent_reason())
            action = bulk_requests.start(self.operation, chosen.filters, context=context)
            flash(self._result(action), "good" if action.changed else "warn")
        return redirect_after_post(chosen.back)

    def do_one(self, row_id: str) -> None:
        """Act on one row: the audit names it, and a refusal says why."""
        context = audit_context(sent_reason())
        try:
            in_transaction(lambda session: self.act_on_one(session, row_id, context))
        except ConflictError as error:
            flash(f"{error.message}.", "warn")
        else:
            notify(Wakeup.after(self.operation))
            flash(f"1 {self.unit} {self.done}.", "good")

    def _selection(self) -> Selection[F]:
        """Raises InvalidInputError if nothing is selected: that must never mean everything."""
        sent = request.form if request.method == "POST" else request.args
        scope, back = sent.get("scope"), sent.get("back", "")
        fields = [("scope", scope or ""), ("back", back)]
        if scope == "selected":
            ids = tuple(dict.fromkeys(filter(None, sent.getlist("id"))))
            if not 0 < len(ids) <= MAX_SELECTED or not all(map(str.isprintable, ids)):
                raise InvalidInputError(f"Select between 1 and {MAX_SELECTED} rows in the list")
            fields += [("id", row_id) for row_id in ids]
            page = self.back_pages.get(back, self.listing.path).format(ids[0])
            return Selection(self.select(ids), ids, fields, page)
        if scope != "matching":
            raise InvalidInputError("scope must be one of selected, matching")
        asked = self.listing.read(besides=_OWN_FIELDS)
        address = f"{self.listing.path}?{urlencode(asked.absolute)}".rstrip("?")
        page = self.back_pages.get(back, address).format("")
        return Selection(asked.query.filters(), (), [*fields, *asked.absolute.items()], page)

    def _impossible(self, counts: Counts) -> str:
        if not counts.matched:
            return f"No {self.unit} matches any more."
        return f"None of {counted(counts.matched, self.unit)} can be {self.done}."

    def _skipped(self, counts: Counts) -> Iterable[str]:
        for reason, skipped in sorted(counts.skipped.items()):
            if skipped:
                verb = "is" if skipped == 1 else "are"
                yield f"{counted(skipped, self.unit)} {verb} left alone: {SKIPPED[reason]}."

    def _result(self, action: BulkAction) -> str:
        counts = bulk.counts_of(action)
        if action.ended_at is None:
            total = counted(counts.changed + counts.left, self.unit)
            return (
                f"{number(counts.changed)} of {total} {self.done} so far; it continues in the "
                "background. The audit shows how far it is."
            )
        done = f"{counted(counts.changed, self.unit)} {self.done}."
        return " ".join([done, *self._skipped(counts)])
