"""Clients that follow all events of their tenant with a cursor, and get later what they missed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from shared.deps import Deps
from shared.domain.event_log import Position
from shared.domain.events import RealtimeEvent
from shared.errors import HubError
from shared.usecases import event_log, realtime
from shared.usecases.event_log import Step

logger = logging.getLogger(__name__)

MOST_MISSED = 2_000
"""Events that a client is told after a gap; who has missed more reads the lists again."""

Tell: TypeAlias = Callable[[RealtimeEvent, str], Awaitable[None]]
"""Tells one client a completed event, and the cursor with which it would go on after it."""


@dataclass(frozen=True, slots=True)
class Joined:
    """`cursor` is where the client stands now; with `reload` it has missed what nobody can tell any more."""

    cursor: str
    reload: bool


@dataclass(slots=True)
class _Tenant:
    """A tenant's followers on this process, and how far all of them have been told; `joining` are those to come."""

    position: Position | None = None
    followers: dict[object, Tell] = field(default_factory=dict)
    joining: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_behind: bool = False
    telling: asyncio.Task[None] | None = None


class Streams:
    """The followers of this process; all of it belongs to the event loop.

    An event of the bus only wakes: followers are told what the log has, in its order, so that what is told now and what
    is told after a gap are the same.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._tenants: dict[str, _Tenant] = {}

    def is_followed(self, tenant_id: str) -> bool:
        return tenant_id in self._tenants

    async def join(self, tenant_id: str, follower: object, tell: Tell, cursor: str | None) -> Joined:
        """Tell a client what it has missed since a cursor, and from then on everything that happens.

        Raises a `HubError` where the store does not answer.
        """
        tenant = self._tenants.setdefault(tenant_id, _Tenant())
        tenant.joining += 1
        try:
            async with tenant.lock:
                stream = await asyncio.to_thread(event_log.follow, self._deps, tenant_id)
                reached = await self._advance(tenant_id, tenant)
                position = Position.from_cursor(cursor) if cursor else None
                is_lost = bool(cursor) and (position is None or event_log.is_too_old(self._deps, stream, position))
                if position is not None and not is_lost:
                    is_lost = not await self._catch_up(tenant_id, position, reached, tell)
                tenant.followers[follower] = tell
                return Joined(reached.to_cursor(), is_lost)
        finally:
            tenant.joining -= 1
            self._forget_if_left(tenant_id, tenant)

    def leave(self, tenant_id: str, follower: object) -> None:
        tenant = self._tenants.get(tenant_id)
        if tenant is not None:
            tenant.followers.pop(follower, None)
            self._forget_if_left(tenant_id, tenant)

    def wake(self, tenant_id: str) -> None:
        """Something has happened: tell the followers soon."""
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            return
        tenant.is_behind = True
        if tenant.telling is None or tenant.telling.done():
            tenant.telling = asyncio.create_task(self._tell(tenant_id, tenant))

    def wake_all(self) -> None:
        """Look for what happened although nobody said so: who wrote it may have died before it was published."""
        for tenant_id in list(self._tenants):
            self.wake(tenant_id)

    def _forget_if_left(self, tenant_id: str, tenant: _Tenant) -> None:
        if not tenant.followers and not tenant.joining:
            self._tenants.pop(tenant_id, None)

    async def _tell(self, tenant_id: str, tenant: _Tenant) -> None:
        while tenant.is_behind and tenant.followers:
            tenant.is_behind = False
            try:
                async with tenant.lock:
                    await asyncio.to_thread(event_log.follow, self._deps, tenant_id)
                    await self._advance(tenant_id, tenant)
            except HubError as error:
                logger.warning("clients could not be told what happened: %s", error.detail)

    async def _advance(self, tenant_id: str, tenant: _Tenant) -> Position:
        """Tell the followers what is new; returns how far they have come."""
        position, has_more = tenant.position, True
        if position is None:
            position, has_more = await asyncio.to_thread(event_log.start, self._deps, tenant_id), False
        while has_more:
            page = await asyncio.to_thread(event_log.after, self._deps, tenant_id, position)
            for step in page.steps:
                event = await asyncio.to_thread(realtime.completed, self._deps, step.event)
                for tell in list(tenant.followers.values()):
                    await tell(event, step.position.to_cursor())
                tenant.position = step.position
            position, has_more = page.position, page.has_more
        tenant.position = position
        return position

    async def _catch_up(self, tenant_id: str, position: Position, reached: Position, tell: Tell) -> bool:
        """Tell one client what all others were told since its position; False for more than anybody reads."""
        missed: list[Step] = []
        has_more = True
        while has_more and len(missed) <= MOST_MISSED:
            page = await asyncio.to_thread(event_log.after, self._deps, tenant_id, position)
            missed += page.steps
            position, has_more = page.position, page.has_more
        if len(missed) > MOST_MISSED:
            return False
        for step in missed:
            if reached.covers(step.logged):
                event = await asyncio.to_thread(realtime.completed, self._deps, step.event)
                await tell(event, step.position.to_cursor())
        return True
