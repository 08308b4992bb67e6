"""Topic `inbound`: read a raw event and store what it says."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.http.push import push_handler
from shared.outgoing.concurrency import working_for
from shared.usecases.ingest.normalize import normalize


def consume(deps: Deps, event: InboundEvent) -> None:
    with working_for(event.tenant_id):
        normalize(deps, event)


handler = push_handler(Topic.INBOUND, consume)
