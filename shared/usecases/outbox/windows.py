"""What a channel takes now: providers let businesses write freely only within some time after the customer did."""

from __future__ import annotations

from datetime import datetime

from shared.channel import Capabilities
from shared.channels import channel
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.instances import Instance
from shared.domain.outbox import OUTSIDE_WINDOW
from shared.errors import ChannelName, Unprocessable
from shared.usecases.outbox.enqueueing import Draft


def closes_at(capabilities: Capabilities, last_inbound_at: datetime | None) -> datetime | None:
    """When the time to write freely ends or ended; None without such a time, or when the customer never wrote."""
    if capabilities.window is None or last_inbound_at is None:
        return None
    return last_inbound_at + capabilities.window


def check(deps: Deps, unit: UnitOfWork, instance: Instance, conversation: Conversation, draft: Draft) -> None:
    """Refuse what this channel can surely not send; raises `Unprocessable`.

    What it might not take is accepted: the provider decides, and has reasons
    that the hub does not see.
    """
    capabilities = channel(instance.adapter).capabilities
    name = ChannelName(instance.type)
    if draft.template and not capabilities.templates:
        raise Unprocessable((name, " has no templates here: send a text"))
    if draft.poll and not capabilities.polls:
        raise Unprocessable((name, " has no polls here: send a text, or choices where it offers some"))
    if draft.choices and not capabilities.choices:
        raise Unprocessable((name, " cannot offer choices here: send a text"))
    if draft.template or not capabilities.templates or capabilities.longest_window is None:
        return
    identity = unit.identities.owned_or_none(conversation.tenant_id, conversation.identity_id)
    last = identity.last_inbound_at if identity else None
    if last is not None and deps.now() > last + capabilities.longest_window:
        refusal = f"{OUTSIDE_WINDOW}: the customer last wrote on {last:%Y-%m-%d}, and "
        raise Unprocessable((refusal, name, " now takes a template only"))
