"""Sending many dead messages again, and publishing many dead letters: which, and how many a second, is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.deps import Deps
from shared.domain.events import Topic
from shared.domain.outbox import OutboxItem, OutboxStatus
from shared.errors import Collision, NotFound
from shared.ports.bus import DeadLetter
from shared.usecases.outbox import outbox_items

MOST = 10_000
"""Items of one command; a further one takes the rest."""

Pause = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead messages of a tenant: those that fulfil all that is given. `since` and `until` are when they died."""

    reason: str | None = None
    instance_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, item: OutboxItem) -> bool:
        return (
            self.reason in (None, item.reason)
            and self.instance_id in (None, item.instance_id)
            and (self.since is None or item.updated_at >= self.since)
            and (self.until is None or item.updated_at < self.until)
        )


def wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def messages(
    deps: Deps, tenant_id: str, chosen: Filter, *, rate: float, limit: int, dry_run: bool, pause: Pause = wait
) -> Iterator[dict[str, Any]]:
    """Send the tenant's dead messages again, the oldest first, `rate` a second; tells of each, then how many."""
    # They are listed with the newest first. What was written first is to be sent first.
    items = list(_newest_dead(deps, tenant_id, chosen))
    redriven = 0
    for item in reversed(items[-limit:]):
        line = {
            "id": item.id,
            "instance_id": item.instance_id,
            "reason": item.reason,
            "died_at": f"{item.updated_at:%FT%TZ}",
        }
        if not dry_run:
            if redriven:
                pause(1 / rate)
            try:
                outbox_items.redrive(deps, tenant_id, item.id)
            except (Collision, NotFound) as error:
                yield line | {"left": error.detail}  # somebody else was faster
                continue
        redriven += 1
        yield line
    yield {"matching": len(items), "would_be_redriven" if dry_run else "redriven": redriven}


def _newest_dead(deps: Deps, tenant_id: str, chosen: Filter) -> Iterator[OutboxItem]:
    cursor: str | None = None
    matching = 0
    while matching < MOST:
        items, cursor = outbox_items.list_outbox(deps, tenant_id, OutboxStatus.DEAD, outbox_items.MOST, cursor)
        for item in items:
            if chosen.takes(item):
                matching += 1
                yield item
        if cursor is None:
            return


def letters(
    deps: Deps, topic: Topic, tenant_id: str | None, *, rate: float, limit: int, dry_run: bool, pause: Pause = wait
) -> Iterator[dict[str, Any]]:
    """Publish a topic's dead letters again, those of one tenant or all, the oldest first; tells as `messages` does."""
    # Before the first one is published: one that dies at once must not come a second time.
    chosen = [letter for letter in dead_letters(deps, topic) if tenant_id in (None, letter.event.tenant_id)]
    redriven = 0
    for letter in chosen[:limit]:
        line = {"id": letter.id, "tenant_id": letter.event.tenant_id, "reason": letter.reason}
        if not dry_run:
            if redriven:
                pause(1 / rate)
            try:
                deps.bus.redrive(topic, letter.id)
            except NotFound as error:
                yield line | {"left": error.detail}
                continue
        redriven += 1
        yield line
    yield {"matching": len(chosen), "would_be_redriven" if dry_run else "redriven": redriven}


def dead_letters(deps: Deps, topic: Topic) -> Iterable[DeadLetter]:
    """A topic's dead letters, the oldest first, `MOST` at most."""
    cursor: str | None = None
    listed = 0
    while listed < MOST:
        page = deps.bus.dead_letters(topic, cursor=cursor)
        yield from page.letters
        listed += len(page.letters)
        cursor = page.cursor
        if cursor is None:
            return
