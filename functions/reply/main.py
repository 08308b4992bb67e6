"""Topic `replies`: decide who answers a customer, ask, and enqueue the answer."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.events import ReplyEvent, Topic
from shared.http.push import push_handler
from shared.outgoing.concurrency import working_for
from shared.usecases.replies.replies import reply


def consume(deps: Deps, event: ReplyEvent) -> None:
    with working_for(event.tenant_id):
        reply(deps, event)


handler = push_handler(Topic.REPLIES, consume)
