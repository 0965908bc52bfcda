"""Every description of a job has the Jira fields that the model declares, in its order."""

from dataclasses import fields

import pytest

from api.schemas.jobs import JobCreate, JobOut
from shared.jobs.job import JobDraft, JobRow
from shared.models import JIRA_FIELDS, JiraField, TicketCopy, table_of
from shared.tickets.ticket import Ticket

DESCRIPTIONS = {
    "request": list(JobCreate.model_fields),
    "answer": [name for name in JobOut.model_fields if name != "jira_sync"],
    "draft": [field.name for field in fields(JobDraft)],
    "row": list(JobRow._fields),
}


@pytest.mark.parametrize("names", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_description_of_a_job_names_every_jira_field(names: list[str]) -> None:
    declared = [field.column for field in JIRA_FIELDS]
    assert [name for name in names if name.startswith("jira_")] == declared


@pytest.mark.parametrize("field", JIRA_FIELDS, ids=lambda field: field.name)
def test_a_ticket_has_what_the_field_is_filled_from(field: JiraField) -> None:
    column = field.ticket_column
    assert column in table_of(TicketCopy).columns
    assert column in {one.name for one in fields(Ticket)}


def test_the_names_outside_are_those_of_the_contract() -> None:
    assert [field.name for field in JIRA_FIELDS] == [
        "jiraTicketKey",
        "jiraTicketSummary",
        "jiraPartNumber",
        "jiraPriority",
        "jiraEpicLink",
        "jiraLabels",
    ]
