"""Topic `outbound`: send what a conversation's outbox holds, and do what the sweep leaves to others."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.events import OutboundEvent, Topic
from shared.http.push import push_handler
from shared.outgoing.concurrency import working_for
from shared.usecases.delivery.delivery import deliver


def consume(deps: Deps, event: OutboundEvent) -> None:
    with working_for(event.tenant_id):
        _consume(deps, event)


def _consume(deps: Deps, event: OutboundEvent) -> None:
    if event.campaign_id is not None:
        from shared.usecases.campaigns import campaign_sending  # noqa: PLC0415 - most processes send no campaign

        campaign_sending.send_batch(deps, event.tenant_id, event.campaign_id, event.due_since)
    elif event.account_id is not None:
        from shared.usecases.delivery import status_checks  # noqa: PLC0415 - most processes check no account

        status_checks.check(deps, event.tenant_id, event.account_id, event.due_since)
    elif event.file_copy_id is not None:
        from shared.usecases.conversations import file_copying  # noqa: PLC0415 - most messages bring no file

        file_copying.copy_file(deps, event.tenant_id, event.file_copy_id)
    elif event.team_id is not None:
        from shared.usecases.conversations import assignment  # noqa: PLC0415 - most messages wait for nobody

        assignment.assign_waiting(deps, event.tenant_id, event.team_id)
    elif event.person_id is not None:
        from shared.usecases.conversations import assignment  # noqa: PLC0415 - most messages wait for nobody

        assignment.attend(deps, event.tenant_id, event.person_id)
    else:
        deliver(deps, event.tenant_id, event.conversation_id)


handler = push_handler(Topic.OUTBOUND, consume)
