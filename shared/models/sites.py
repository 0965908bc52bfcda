"""The Jiras whose tickets we hold copies of, and which of them each address was last seen to be."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base


class JiraSite(Base):
    """One Jira, by what it says of itself (docs/adr/0018).

    Issue ids and keys are unique in a site only. The site with id 0 is nobody's: it holds copies
    from before this table, and none of them is shown or used.
    """

    __tablename__ = "jira_sites"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    identity: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str | None]
    deployment: Mapped[str | None]
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class JiraAddress(Base):
    """A value of JIRA_BASE_URL and the site that answers there.

    ``identified_at`` is when Jira last said who it is; null: it never did, and the address stands
    for the identity. ``checked_at`` is when a worker last asked. ``site_since`` and
    ``previous_site_id`` tell of the last change: the address was another site's before.
    """

    __tablename__ = "jira_addresses"

    address: Mapped[str] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("jira_sites.id"))
    site_since: Mapped[datetime] = mapped_column(server_default=func.now())
    previous_site_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("jira_sites.id"))
    checked_at: Mapped[datetime | None]
    identified_at: Mapped[datetime | None]
