"""How the filling of jobs stands, as ``GET /api/sync/summary`` answers it."""

from typing import Self

from pydantic import Field

from api.schemas.answers import Answer, Timestamp
from shared.states import FailureCode, TaskStatus
from shared.sync.summary import Hour, JiraState, Summary
from shared.tickets.poll_health import PollHealth
from shared.tickets.sites import SiteStatus


class MinuteOut(Answer):
    """What ended in one minute."""

    at: Timestamp
    filled: int
    failed: int


class HourOut(Answer):
    """The last hour."""

    filled: int
    failed: int
    filled_per_minute: float
    failed_per_minute: float
    median_seconds: float | None = Field(None, description="From create to fill.")
    p99_seconds: float | None = Field(None, description="From create to fill.")
    minutes: list[MinuteOut]

    @classmethod
    def of(cls, hour: Hour) -> Self:
        """The last hour, with its averages; times to the millisecond."""
        minutes = len(hour.minutes)
        return cls.from_row(
            hour,
            filled_per_minute=round(hour.filled / minutes, 2),
            failed_per_minute=round(hour.failed / minutes, 2),
            median_seconds=_to_millis(hour.median_seconds),
            p99_seconds=_to_millis(hour.p99_seconds),
            minutes=[MinuteOut.from_row(minute) for minute in hour.minutes],
        )


def _to_millis(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


class SiteOut(Answer):
    """The Jira that answers at JIRA_BASE_URL, by what it says of itself."""

    identity: str = Field(examples=["https://your-site.atlassian.net"])
    title: str | None = None
    since: Timestamp
    before: str | None = Field(None, description="The one that answered there before.")
    message: str | None = Field(None, description="For a week after a change.")


class JiraOut(Answer):
    """How Jira treats us."""

    state: JiraState
    words: str = Field(examples=["limited until 10:42 UTC"])
    message: str | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    last_ok_at: Timestamp | None = None
    site: SiteOut | None = Field(None, description="Absent until it has said who it is.")


class PartOut(Answer):
    """Whether a part that runs on its own lives."""

    alive: bool
    seen_at: Timestamp | None = None


class CauseOut(Answer):
    """Failed tasks of one cause."""

    code: FailureCode
    count: int


class IntakeOut(Answer):
    """How webhook deliveries stand."""

    waiting: int
    oldest_waiting_at: Timestamp | None = None
    received_last_hour: int
    last_received_at: Timestamp | None = None
    rejected_today: int


class LostProjectOut(Answer):
    """A project in `JIRA_PROJECT` that cannot be polled. It is checked every minute."""

    project: str = Field(examples=["GONE"])
    since: Timestamp
    reason: str = Field(description="In Jira's words, if it gave any.")


class UnusableTicketOut(Answer):
    """A ticket that a poll was given and could not use. It is read again every ten minutes."""

    ticket: str = Field(description="Its key or id.", examples=["PI-42"])
    since: Timestamp
    reason: str


class PollOut(Answer):
    """What the poll cannot bring."""

    lost_projects: list[LostProjectOut]
    unusable_tickets: int = Field(description="How many there are.")
    unusable: list[UnusableTicketOut] = Field(description="The last few of them.")

    @classmethod
    def of(cls, found: PollHealth) -> Self:
        """The same as JSON."""
        return cls(
            lost_projects=[LostProjectOut.from_row(one) for one in found.lost_projects],
            unusable_tickets=found.unusable_count,
            unusable=[UnusableTicketOut.from_row(one, ticket=one.name) for one in found.unusable],
        )


class SummaryOut(Answer):
    """How the filling of jobs stands."""

    as_of: Timestamp
    counts: dict[TaskStatus, int]
    oldest_waiting_at: Timestamp | None = None
    oldest_waiting_seconds: float | None = None
    last_hour: HourOut
    quantity_unknown: int = Field(description="Jobs that wait for someone to set their quantity.")
    failures: list[CauseOut] = Field(description="By cause, the commonest first.")
    jira: JiraOut
    poll: PollOut
    webhooks: IntakeOut
    worker: PartOut
    beat: PartOut

    @classmethod
    def of(
        cls, found: Summary, *, poll: PollHealth, site: SiteStatus | None, change: str | None
    ) -> Self:
        """The summary as it was read at one moment; ``change`` says that the site is another."""
        oldest = found.oldest_waiting_at
        parts = {part.name: PartOut.from_row(part) for part in found.parts}
        return cls.from_row(
            found,
            oldest_waiting_seconds=max(0.0, (found.as_of - oldest).total_seconds())
            if oldest
            else None,
            last_hour=HourOut.of(found.hour),
            failures=[CauseOut(code=cause.code, count=cause.tasks) for cause in found.causes],
            jira=JiraOut.from_row(
                found.jira,
                site=SiteOut.from_row(site, message=change) if site and site.identified else None,
            ),
            poll=PollOut.of(poll),
            webhooks=IntakeOut.from_row(found.intake),
            **parts,
        )
