"""What is read alike of Messenger's and Instagram's events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from shared.channelkit.messenger_events import MessagingEvent
from shared.domain.inbound import ChannelEvent, MessageEdited, ReactionChanged

E = TypeVar("E", bound=MessagingEvent)

Parsers = Mapping[str, Callable[[E, str], list[ChannelEvent]]]
"""By the name of its field: what reads it, with the customer's id."""


def parsed(event: E, customer: str, parsers: Parsers[E]) -> list[ChannelEvent]:
    """What the parsers read of the fields that the event has. Raises `PayloadInvalid`."""
    present = (parser for kind, parser in parsers.items() if getattr(event, kind) is not None)
    return [each for parser in present for each in parser(event, customer)]


def edited(event: MessagingEvent, customer: str) -> list[ChannelEvent]:
    """A message of the customer got another text."""
    edit = event.message_edit
    if edit is None:
        return []
    return [MessageEdited(external_message_id=edit.mid, text=edit.text, edited_at=event.happened_at)]


def reacted(event: MessagingEvent, customer: str) -> list[ChannelEvent]:
    """The customer reacted to a message, or took their reaction back."""
    reaction = event.reaction
    if reaction is None:
        return []
    return [
        ReactionChanged(
            external_message_id=reaction.mid,
            sender_key=customer,
            emoji=reaction.current,
            reacted_at=event.happened_at,
        )
    ]
