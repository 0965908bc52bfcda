"""The field mapping for webhooks: from the settings or our own table, never from Jira itself."""

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


class _NameError(Exception):
    """The settings give a name, which Jira alone can resolve."""


def known_mapping(runtime: Runtime) -> FieldMapping | None:
    """The mapping as far as it can be known without asking Jira; None where it cannot be.

    Has it resolved by a process that may talk to Jira, where it is missing or a day old.
    """
    try:
        return resolve(runtime.settings, known=_nobody)
    except MappingError:
        return None
    except _NameError:
        return _stored_mapping(runtime)


def _stored_mapping(runtime: Runtime) -> FieldMapping | None:
    with begin(runtime.engine) as session:
        stored = field_mappings.find(session, runtime.settings)
    if stored is None or not stored.fresh:
        runtime.messages.send(TaskName.MAP_FIELDS, expires=10)
    return None if stored is None else _mapping(runtime, stored)


def map_fields(runtime: Runtime) -> None:
    """Ask Jira what the names mean and keep the answer. A call that fails pauses as any other."""
    look = circuit.check(runtime)
    if look is CircuitState.OPEN:
        return
    try:
        mapping = runtime.jira.mapping()
    except MappingError as error:
        log.warning("field_mapping_unresolved", reason=error.message)
        return
    except JiraError as error:
        circuit.trip(runtime, error, probe=look is CircuitState.HALF_OPEN)
        return
    circuit.reset(runtime, probe=look is CircuitState.HALF_OPEN)
    resolved = Resolved(
        part_number=mapping.part_number, quantity=mapping.quantity, epic_link=mapping.epic_link
    )
    in_transaction(runtime.engine, lambda s: field_mappings.store(s, runtime.settings, resolved))


def _nobody() -> Sequence[FieldInfo]:
    raise _NameError


def _mapping(runtime: Runtime, stored: Resolved) -> FieldMapping:
    unnamed = {
        "jira_field_part_number": "",
        "jira_field_quantity": "",
        "jira_field_epic_link": "",
    }
    bare = resolve(runtime.settings.model_copy(update=unnamed), known=_nobody)
    return replace(
        bare,
        part_number=stored.part_number,
        quantity=stored.quantity,
        epic_link=stored.epic_link,
    )
