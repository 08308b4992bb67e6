"""Which people can be given conversations, and how many."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

PRESENCE_TIMEOUT = timedelta(minutes=3)
"""After the last sign of a page of theirs a person is taken to be offline."""


class Presence(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class Availability(BaseModel):
    """Whether a user is given conversations; `id` is the user's.

    `is_chosen` says that somebody has set the status: a page of theirs does not change it then. `seen_at` is the last
    sign of such a page since. At most `capacity` open conversations are given to them; None: any number. Their
    `skills` are compared with the tags of conversations. `left_team_ids` are teams whose conversations are still to be
    taken from them; all are from somebody who `is_gone`, removed or a viewer now. `due_at` is when the sweep has
    to look at them.
    """

    id: str
    tenant_id: str
    status: Presence = Presence.OFFLINE
    is_chosen: bool = False
    seen_at: datetime | None = None
    offline_since: datetime | None = None
    capacity: int | None = None
    skills: list[str] = Field(default_factory=list)
    team_ids: list[str] = Field(default_factory=list)
    left_team_ids: list[str] = Field(default_factory=list)
    is_gone: bool = False
    last_assigned_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def is_free(self) -> bool:
        """Whether they may be given conversations, as far as there is room."""
        return self.status is Presence.ONLINE and not self.is_gone

    def become(self, status: Presence, now: datetime) -> None:
        if status is not self.status:
            self.offline_since = now if status is Presence.OFFLINE else None
        self.status = status

    def is_lost(self, now: datetime) -> bool:
        """Whether they are no more there, as far as pages of theirs tell."""
        is_there = self.status is not Presence.OFFLINE
        return is_there and self.seen_at is not None and self.seen_at + PRESENCE_TIMEOUT <= now

    def has_left(self, now: datetime, unassign_after: timedelta) -> bool:
        """Whether they have been offline for so long that others are to have their conversations; never after zero."""
        since = self.offline_since
        return bool(unassign_after) and since is not None and since + unassign_after <= now

    def next_due(self, now: datetime, unassign_after: timedelta) -> datetime | None:
        """When there is something to do, if nothing happens before."""
        moments = []
        if self.status is not Presence.OFFLINE and self.seen_at is not None:
            moments.append(self.seen_at + PRESENCE_TIMEOUT)
        if unassign_after and self.offline_since is not None:
            moments.append(self.offline_since + unassign_after)
        return min((moment for moment in moments if moment > now), default=None)
