"""What another program of the business has to say to somebody: word for word, or by way of the agent who answers."""

from __future__ import annotations

from dataclasses import dataclass

from shared.channels import canonical_address
from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.domain.events import InboundEvent
from shared.domain.ids import new_id
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.domain.messages import MessageKind
from shared.errors import BadRequest, ChannelName
from shared.usecases.conversations import sending
from shared.usecases.ingest import messages
from shared.usecases.instances import type_channels

DEFAULT_TYPES = (ChannelType.TELEGRAM_BOT, ChannelType.TELEGRAM_USER, ChannelType.WHATSAPP)
"""Where it goes when no channel is named: to the first type of which the business has one."""

_UNUSABLE = (InstanceStatus.NOT_CONFIGURED, InstanceStatus.DELETED)


@dataclass(frozen=True, slots=True)
class Outside:
    """A message of the program `source` to an address on an instance."""

    source: str
    text: str
    instance: Instance
    address: str


def instance_of(deps: Deps, tenant_id: str, types: tuple[ChannelType, ...]) -> Instance:
    """The first usable instance of the first type that has one; raises `BadRequest`."""
    for channel_type in types:
        for instance in type_channels.of_type(deps, tenant_id, channel_type):
            if instance.status not in _UNUSABLE:
                return instance
    raise BadRequest(("there is no ", ChannelName(types[-1]), " channel: configure one first"))


def send(deps: Deps, caller: Principal, message: Outside) -> None:
    """Say it word for word; raises as `sending.send` does."""
    target = sending.Target(instance_id=message.instance.id, external_user_id=message.address)
    sending.send(deps, caller, target, sending.Content(text=message.text, by_program=True), None)


def ask(deps: Deps, message: Outside) -> str:
    """Have it answered as if whoever lives at the address had written it, with a mark of where it comes from.

    Returns the message's id at its provider, of which there is none: it is made up.
    """
    instance, now = message.instance, deps.now()
    key = canonical_address(instance.adapter, message.address)
    request_id = new_id()
    received = MessageReceived(
        external_message_id=f"outside-{request_id}",
        external_conversation_id=message.address,
        chat_key=key,
        sender=Sender(external_user_id=message.address, keys=(key,)),
        kind=MessageKind.TEXT,
        text=f"[webhook:{message.source}] {message.text}",
        sent_at=now,
        extra={"source": message.source},
    )
    event = InboundEvent(
        id=request_id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        channel=instance.adapter,
        payload=None,
        received_at=now,
    )
    messages.store_message(deps, instance, event, received)
    return request_id
