"""Topic `outbound`: send what a conversation's outbox holds."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.events import OutboundEvent, Topic
from shared.http.push import push_handler
from shared.outgoing.concurrency import working_for
from shared.usecases.delivery.delivery import deliver


def consume(deps: Deps, event: OutboundEvent) -> None:
    with working_for(event.tenant_id):
        deliver(deps, event.tenant_id, event.conversation_id)


handler = push_handler(Topic.OUTBOUND, consume)
