"""The field mapping for webhooks, from the settings or the database: deliveries call no Jira."""

from collections.abc import Sequence
from dataclasses import replace

from shared.broker.task_names import TaskName
from shared.database.engine import begin, in_transaction
from shared.logs import get_logger
from shared.tickets import field_mappings
from shared.tickets.field_mappings import Resolved
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import JiraError, MappingError
from worker.jira.fields.mapping import FieldInfo, FieldMapping, resolve
from worker.runtime import Runtime

log = get_logger(__name__)


class _NamedFieldError(Exception):
    """The settings hold a field's name, which only Jira can resolve to an id."""


def known_mapping(runtime: Runtime) -> FieldMapping | None:
    """The mapping, found without a call to Jira; None where that is not possible.

    If the stored mapping is missing or a day old, a message has another process resolve it.
    """
    try:
        return resolve(runtime.settings, known=_refuse_names)
    except MappingError:
        return None
    except _NamedFieldError:
        return _stored_mapping(runtime)


def _stored_mapping(runtime: Runtime) -> FieldMapping | None:
    with begin(runtime.engine) as session:
        stored = field_mappings.find(session, runtime.settings)
    if stored is None or not stored.fresh:
        runtime.messages.send(TaskName.MAP_FIELDS, expires=10)
    return None if stored is None else _with_ids(runtime, stored)


def map_fields(runtime: Runtime) -> None:
    """Resolve the names by Jira's list of fields, and store the ids."""
    state = circuit.check(runtime)
    if state is CircuitState.OPEN:
        return
    try:
        mapping = runtime.jira.mapping()
    except MappingError as error:
        log.warning("field_mapping_unresolved", reason=error.message)
        return
    except JiraError as error:
        circuit.trip(runtime, error, state=state)
        return
    circuit.reset(runtime, state=state)
    resolved = Resolved(
        part_number=mapping.part_number, quantity=mapping.quantity, epic_link=mapping.epic_link
    )
    in_transaction(runtime.engine, lambda s: field_mappings.store(s, runtime.settings, resolved))


def _refuse_names() -> Sequence[FieldInfo]:
    raise _NamedFieldError


def _with_ids(runtime: Runtime, stored: Resolved) -> FieldMapping:
    no_names = dict.fromkeys(
        ("jira_field_part_number", "jira_field_quantity", "jira_field_epic_link"), ""
    )
    bare = resolve(runtime.settings.model_copy(update=no_names), known=_refuse_names)
    return replace(
        bare,
        part_number=stored.part_number,
        quantity=stored.quantity,
        epic_link=stored.epic_link,
    )
