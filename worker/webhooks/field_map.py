"""The field mapping for webhooks, from the settings or the database: deliveries call no Jira."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.broker.task_names import TaskName
from shared.database.engine import begin, in_transaction
from shared.logs import get_logger
from shared.tickets import field_mappings
from shared.tickets.field_mappings import Resolved
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import JiraError, MappingError
from worker.jira.fields.mapping import PURPOSES, FieldInfo, FieldMapping, MappedField, resolve
from worker.runtime import Runtime

log = get_logger(__name__)

_SEPARATOR = ", "


class _NamedFieldError(Exception):
    """The settings hold a field's name, which only Jira can resolve to an id."""


def known_mapping(runtime: Runtime, site_id: int) -> FieldMapping | None:
    """The mapping on this site, found without a call to Jira; None where that is not possible.

    Webhooks carry no schema, so the kinds of the fields are stored with their ids. If the stored
    mapping is missing or a day old, a message has another process ask Jira. Meanwhile ids in the
    settings are used as they are, their kinds unknown.
    """
    try:
        mapping = resolve(runtime.settings, known=_refuse_names)
    except MappingError:
        return None
    except _NamedFieldError:
        mapping = None
    if mapping is not None and not mapping.fields():
        return mapping
    stored = _stored(runtime, site_id)
    return mapping if stored is None else _with_stored(runtime, stored)


def _stored(runtime: Runtime, site_id: int) -> Resolved | None:
    with begin(runtime.engine) as session:
        stored = field_mappings.find(session, runtime.settings, site_id=site_id)
    if stored is None or not stored.fresh:
        runtime.messages.send(TaskName.MAP_FIELDS, expires=10)
    return stored


def map_fields(runtime: Runtime) -> None:
    """Resolve names and kinds by Jira's list of fields, and store them."""
    state = circuit.check(runtime)
    if state is CircuitState.OPEN:
        return
    try:
        site_id = runtime.site.checked().site_id
        mapping = runtime.jira.mapping_with_kinds()
    except MappingError as error:
        log.warning("field_mapping_unresolved", reason=error.message)
        return
    except JiraError as error:
        circuit.trip(runtime, error, state=state)
        return
    circuit.reset(runtime, state=state)
    resolved = Resolved(
        part_number=_as_text(mapping.part_number),
        quantity=_as_text(mapping.quantity),
        epic_link=_as_text(mapping.epic_link),
    )
    in_transaction(
        runtime.engine,
        lambda s: field_mappings.store(s, runtime.settings, resolved, site_id=site_id),
    )


def _refuse_names() -> Sequence[FieldInfo]:
    raise _NamedFieldError


def _as_text(fields: Sequence[MappedField]) -> str | None:
    return _SEPARATOR.join(field.stored() for field in fields) or None


def _with_stored(runtime: Runtime, stored: Resolved) -> FieldMapping:
    no_names = {f"jira_field_{purpose}": "" for purpose in PURPOSES}
    bare = resolve(runtime.settings.model_copy(update=no_names), known=_refuse_names)
    fields: dict[str, Any] = {
        purpose: tuple(map(MappedField.from_stored, _listed(getattr(stored, purpose))))
        for purpose in PURPOSES
    }
    return replace(bare, **fields)


def _listed(text: str | None) -> list[str]:
    return text.split(_SEPARATOR) if text else []
