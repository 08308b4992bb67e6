"""What a session begins with when the business began it: the call to the customer, the invitation to a room."""

from __future__ import annotations

from dataclasses import dataclass

from shared.channel.opening import OpeningModule
from shared.channels import ability
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.messages import Author, Message
from shared.errors import BadRequest, NotFound
from shared.ports.store import Write
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.outbox import enqueueing


@dataclass(frozen=True, slots=True)
class Opened:
    """A message and where it goes; `writes` belong in the commit that begins the session."""

    conversation: Conversation
    instance: Instance
    message: Message
    writes: list[Write]


def opened(
    deps: Deps, conversation: Conversation, instance: Instance, former: Conversation | None = None
) -> Opened | None:
    """What the channel opens the session with; None where it has nothing to say or is not configured.

    `former` is the conversation as it was before it was moved here.
    """
    module = ability(instance.adapter, OpeningModule)
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
    message, writes = enqueueing.acceptance(deps, conversation, instance, draft)
    return Opened(conversation, instance, message, writes)


def announce(deps: Deps, what: Opened) -> None:
    """Wake the sender and tell the joined clients."""
    enqueueing.announce(deps, what.conversation, what.instance, [what.message])
