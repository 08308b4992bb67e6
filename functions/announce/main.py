"""Topic `events`: tell the webhook endpoints of a tenant what has happened."""

from __future__ import annotations

from functions.omnichat import wire
from shared.deps import Deps
from shared.domain.events import EndpointEvent, Topic
from shared.http.push import push_handler
from shared.outgoing.concurrency import working_for
from shared.usecases.endpoints.delivering import deliver


def consume(deps: Deps, event: EndpointEvent) -> None:
    with working_for(event.tenant_id):
        deliver(deps, event.tenant_id, event.endpoint_id, event.lane, wire.payload)


handler = push_handler(Topic.EVENTS, consume)
