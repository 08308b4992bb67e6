"""Whether a message among several people speaks to the business: machines answer there only what does."""

from __future__ import annotations

from shared.documents import ids
from shared.documents.query import Key
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageAlias


def is_addressed(unit: UnitOfWork, instance: Instance, received: MessageReceived) -> bool:
    """A private message always is; one among people when it names the account, answers a message of ours, or commands.

    Where the instance answers everything in groups, any message counts as addressed; where it answers nothing, none.
    """
    if not received.is_among_people or instance.options.groups == "all":
        return True
    if instance.options.groups == "none":
        return False
    if received.is_addressed:
        return True
    if not own_addresses(instance).isdisjoint(mention.casefold() for mention in received.mentions):
        return True
    return _answers_us(unit, instance, received)


def own_addresses(instance: Instance) -> frozenset[str]:
    """The ways in which a provider names the account in a message: its id, its user name, its number's digits."""
    number = (instance.phone_number or "").lstrip("+")
    names = (instance.external_id, instance.display_name, number)
    return frozenset(name.casefold() for name in names if name)


def answered_key(unit: UnitOfWork, instance: Instance, received: MessageReceived) -> list[Key]:
    """The message that one among people answers, to be read together with the chat."""
    if not received.is_among_people or received.from_me or received.reply_to is None:
        return []
    return [unit.message_records.key(ids.provider_message(instance.id, received.reply_to))]


def _answers_us(unit: UnitOfWork, instance: Instance, received: MessageReceived) -> bool:
    if received.reply_to is None or received.from_me:
        return False
    record = unit.message_records.get(ids.provider_message(instance.id, received.reply_to))
    return isinstance(record, MessageAlias) or (isinstance(record, Message) and record.direction is Direction.OUTBOUND)
