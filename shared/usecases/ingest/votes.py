"""Votes in polls, for which the hub has the words: their provider only tells digests of the options."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from shared.deps import Deps
from shared.documents import provider_messages
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.content import Content, Poll, Press, Quote
from shared.domain.inbound import MessageReceived, VoteCast
from shared.domain.instances import Instance

_TAKEN_BACK = "Took back their vote"
_UNKNOWN = "Voted in a poll that is not stored here"


def in_words(deps: Deps, instance: Instance, vote: VoteCast) -> MessageReceived:
    """The vote as a message that says what was chosen; a note, which nobody has to answer, where nothing was."""
    if not vote.options:
        return _note(vote, _TAKEN_BACK)
    poll = _poll(deps, instance, vote.message.reply_to)
    chosen = [option for option in poll.options if _digest(option) in vote.options] if poll else []
    if poll is None or not chosen:
        return _note(vote, _UNKNOWN)
    text = ", ".join(chosen)
    content = Content(pressed=Press(title=text), quoted=Quote(text=poll.question))
    return replace(vote.message, text=text, content=content)


def _note(vote: VoteCast, text: str) -> MessageReceived:
    return replace(vote.message, text=text, is_note=True)


def _digest(option: str) -> str:
    return hashlib.sha256(option.encode()).hexdigest()


def _poll(deps: Deps, instance: Instance, external_message_id: str | None) -> Poll | None:
    if external_message_id is None:
        return None
    message = provider_messages.stored(UnitOfWork(deps.store), instance, external_message_id)
    return message.content.poll if message is not None else None
