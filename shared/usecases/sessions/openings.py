"""The first message of a session that the business starts: the call to the customer, the invitation to a room."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from shared.channel.opening import OpeningModule
from shared.channels import ability
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.messages import Author
from shared.errors import BadRequest, NotFound
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.outbox import enqueueing


@dataclass(frozen=True, slots=True)
class _Opening:
    """Which conversation and instance the opening message is sent on."""

    conversation: Conversation
    instance: Instance
    draft: enqueueing.Draft


def add_opening(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, instance: Instance, former: Conversation | None = None
) -> None:
    """Accept what the channel opens the session with, if it has something to say and is configured.

    `former` is the conversation as it was before it was moved here. The commit's success announces the message.
    """
    opening = _opening(deps, conversation, instance, former)
    if opening is None:
        return
    message = enqueueing.enqueue_opening(deps, unit, opening.conversation, opening.instance, opening.draft)
    enqueueing.announce(deps, unit, opening.conversation, opening.instance, [message])


def _opening(
    deps: Deps, conversation: Conversation, instance: Instance, former: Conversation | None
) -> _Opening | None:
    module = ability(instance.adapter, OpeningModule[BaseModel])
    if module is None:
        return None
    try:
        config = instance_config.load_config(deps, instance)
        opening = module.opening(deps, instance, config, conversation, former is not None)
        if opening is None:
            return None
        if former is not None and not opening.here:
            conversation, instance = former, instance_lookup.by_id(deps, former.tenant_id, former.instance_id)
    except (BadRequest, NotFound):
        return None
    draft = enqueueing.Draft(message_id=new_id(), author=Author.SYSTEM, text=opening.text, opens=opening.here)
    return _Opening(conversation, instance, draft)
