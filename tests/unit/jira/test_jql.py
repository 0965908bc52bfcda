"""Every name in a query is quoted; numbers, which are ids, are not."""

from worker.jira.jql import in_keys, in_projects, quoted


def test_keys_are_quoted_and_ids_are_not() -> None:
    assert in_keys(["IN-1", "10044", "PI-42"]) == 'key in ("IN-1",10044,"PI-42")'


def test_projects_are_quoted_whatever_they_hold() -> None:
    assert in_projects(["ORDER", 'A"B']) == 'project in ("ORDER", "A\\"B")'
    assert quoted("back\\slash") == '"back\\\\slash"'
