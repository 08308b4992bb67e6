"""Writing down what became of an item, and by which id the provider will speak of a message that it took."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from shared.channel.outbound import Sent
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Direction, MessageStatus, OutboxItem, OutboxStatus
from shared.errors import AlreadyExists
from shared.ports.store import Create, Merge, Ref, Set, Write
from shared.usecases import refs
from shared.usecases.ingest import message_changes
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)


def settling(
    item: OutboxItem,
    status: OutboxStatus,
    now: datetime,
    reason: str | None = None,
    error: str | None = None,
    version: str | None = None,
) -> Merge:
    """The write after which an item is not sent again by itself; with `version` only if the item still has that one."""
    settled = {
        "status": status.value,
        "open": False,
        "due_at": None,
        "next_retry_at": None,
        "reason": reason,
        "error": error,
        "updated_at": now,
    }
    return Merge(refs.outbox(item.id), settled, version)


def record_sent(deps: Deps, instance: Instance, item: OutboxItem, sent: Sent) -> None:
    """Settle an item as sent, and keep the provider's id of the message beside ours, so that receipts find it.

    The item may have been settled otherwise when the lease ran out: that the provider took the message is the truth.
    """
    status = {"status": MessageStatus.SENT.value, "external_message_id": sent.external_message_id, "error": None}
    writes: list[Write] = [settling(item, OutboxStatus.SENT, deps.now()), Merge(refs.message(item.id), status)]
    if sent.external_conversation_id and sent.external_conversation_id != item.payload.external_conversation_id:
        moved = {"external_conversation_id": sent.external_conversation_id}
        writes.append(Merge(refs.conversation(item.conversation_id), moved))
    if sent.external_message_id is None:
        deps.store.commit(writes)
        return
    name = refs.provider_message(instance.id, sent.external_message_id)
    alias = {"alias_of": item.id}
    try:
        deps.store.commit([*writes, Create(name, alias)])
    except AlreadyExists:
        decide(lambda: _merge_echo(deps, item, name, writes, alias))


def _merge_echo(deps: Deps, item: OutboxItem, name: Ref, writes: list[Write], alias: dict[str, Any]) -> None:
    """The provider's echo or receipt overtook its answer to us: our message takes over what it said."""
    found = deps.store.get([name]).get(name)
    if found is None:
        deps.store.commit([*writes, Create(name, alias)])
        return
    if found.data.get("direction") == Direction.INBOUND.value:
        log.error("the provider gave our message the id of a customer's", extra={"message_id": item.id})
        deps.store.commit(writes)
        return
    changes = message_changes.note_changes(MessageStatus.SENT, found.data.get("early", found.data))
    deps.store.commit([*writes, Merge(refs.message(item.id), changes), Set(name, alias, found.version)])
