"""Notes: what the people of a business write to each other in a conversation.

A note is stored among the messages, with the direction `SYSTEM`: it has no way to a customer, and no agent is shown it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal, User
from shared.domain.conversations import Conversation
from shared.domain.ids import new_id, stable_id
from shared.domain.messages import Author, Message
from shared.domain.notes import system_note
from shared.domain.notifications import Notification
from shared.errors import BadRequest
from shared.usecases import realtime
from shared.usecases.customers.customers import shortened

MOST_MENTIONS = 20

_MOST_USERS = 200
"""Users among whom a mentioned one is looked for, the oldest first."""
_MENTION = re.compile(r"(?<!\w)@([\w.+-]+(?:@[\w.-]+\w)?)")
_AFTER_NAME = ".-+"
"""What ends a sentence rather than a name."""


def add(
    deps: Deps, caller: Principal, conversation_id: str, text: str, mentioned_ids: Sequence[str] = ()
) -> tuple[Message, list[str]]:
    """Write a note, and notify whom it mentions; returns it with the ids of those.

    They are the users in `mentioned_ids` and those whose e-mail address, its part before the `@`, or name without
    blanks follows an `@` in the text. Raises `NotFound`, and `BadRequest` for an id that is no user's.
    """
    note_id = new_id()

    def attempt(unit: UnitOfWork) -> tuple[Message, list[str]]:
        user_ids = [caller.user_id, *mentioned_ids]
        keys = [unit.users.key(user_id) for user_id in user_ids if user_id]
        unit.fetch(unit.conversations.key(conversation_id), *keys)
        conversation = unit.conversations.owned(caller.tenant_id, conversation_id)
        writer = unit.users.owned_or_none(caller.tenant_id, caller.user_id) if caller.user_id else None
        mentioned = _mentioned(unit, caller.tenant_id, text, mentioned_ids)
        note = unit.messages.add(_note(deps, note_id, conversation, writer, text))
        conversation.updated_at = note.created_at
        realtime.message_created(deps, unit, note)
        realtime.conversation_updated(deps, unit, conversation)
        for user in mentioned:
            if writer is None or user.id != writer.id:
                _notify(deps, unit, note, user)
        return note, [user.id for user in mentioned]

    return run_with_retry(deps, attempt)


def _note(deps: Deps, note_id: str, conversation: Conversation, writer: User | None, text: str) -> Message:
    note = system_note(conversation, note_id, text, deps.now())
    note.author, note.for_people = Author.HUMAN, True
    if writer is not None:
        note.author_id, note.author_name = writer.id, writer.name or writer.email
    return note


def _mentioned(unit: UnitOfWork, tenant_id: str, text: str, mentioned_ids: Sequence[str]) -> list[User]:
    users = unit.users.owned_many(tenant_id, mentioned_ids)
    if len(users) < len(set(mentioned_ids)):
        raise BadRequest.of_field("mentioned_ids", "names somebody who is no user of yours; GET /api/users lists them")
    handles = {match.rstrip(_AFTER_NAME).casefold() for match in _MENTION.findall(text)}
    if handles:
        query = unit.users.query().where(lambda user: user.tenant_id, "==", tenant_id)
        everybody = query.order_by(lambda user: user.created_at).page(_MOST_USERS).documents
        users += [user for user in everybody if handles.intersection(_handles(user))]
    return list({user.id: user for user in users}.values())[:MOST_MENTIONS]


def _handles(user: User) -> Iterable[str]:
    email = user.email.casefold()
    yield from (email, email.partition("@")[0])
    if user.name:
        yield "".join(user.name.split()).casefold()


def _notify(deps: Deps, unit: UnitOfWork, note: Message, user: User) -> None:
    notification = Notification(
        id=stable_id("mention", note.id, user.id),
        tenant_id=note.tenant_id,
        type="mention",
        title=f"{note.author_name or 'A program'} mentioned you",
        message=shortened(note.text) or "",
        conversation_id=note.conversation_id,
        user_id=user.id,
        created_at=note.created_at,
    )
    unit.personal_notifications.add(notification)
    realtime.notification_created(deps, unit, notification)
