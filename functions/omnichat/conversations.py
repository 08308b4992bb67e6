"""Reading and steering conversations."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response
from flask_openapi import Tag
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from functions.omnichat.conversation_schemas import (
    AutoReplyIn,
    AutoReplyOut,
    ConversationChange,
    ConversationPage,
    ConversationRow,
    MessagePage,
    NoteIn,
    NoteOut,
    OfferIn,
    status_word,
)
from functions.omnichat.realtime_schemas import MessageOut
from functions.omnichat.schemas import Request
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.domain.conversations import Conversation, ConversationStatus
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.revisions import IfMatchHeader
from shared.usecases.conversations import auto_reply, conversations, notes, ownership, presence, rows

api = APIBlueprint(
    "omnichat_conversations",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api",
    abp_tags=[Tag(name="OmniChat conversations")],
)
cors(api)
protect(api, Access.CREDENTIAL)


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, defer_build=True
    )


class ConversationPath(BaseModel):
    id: str = Field(max_length=64)


class ConversationQuery(BaseModel):
    status: ConversationStatus | None = Field(default=None, description="OPEN, CLOSED or SNOOZED")
    limit: int = Field(default=200, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2048)

    _any_case = field_validator("status", mode="before")(status_word)


class MessageQuery(BaseModel):
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2048)
    blocked: bool = Field(default=False, description="Also what senders wrote whom an access rule blocks.")


class ReadIn(Request, _Wire):
    """The latest message that was there to read; what came after it stays unread. Without it nothing does."""

    last_message_id: str | None = Field(default=None, max_length=64)


class ReadOut(_Wire):
    """Whether the customer will see it: not where nothing new was read, or the channel does not show it.

    `unread` is how many messages are unread now.
    """

    marked: bool
    unread: int


class TypingOut(_Wire):
    visible: bool


@api.get("/conversations", responses={200: ConversationPage})
def list_conversations(query: ConversationQuery) -> Response:
    """The tenant's conversations, the latest message first."""
    page, cursor = conversations.list_page(deps(), caller().tenant_id, query.status, query.limit, query.cursor)
    return answer(ConversationPage(conversations=_rows(page), next_cursor=cursor))


@api.get("/conversations/<id>", responses={200: ConversationRow})
def get_conversation(path: ConversationPath) -> Response:
    """One conversation; its `ETag` is what a change of it takes as `If-Match`."""
    return _answer(conversations.get(deps(), caller().tenant_id, path.id))


@api.get("/conversations/<id>/messages", responses={200: MessagePage})
def list_messages(path: ConversationPath, query: MessageQuery) -> Response:
    """The newest messages, oldest first."""
    page, cursor = conversations.messages_page(
        deps(), caller().tenant_id, path.id, query.limit, query.cursor, with_blocked=query.blocked
    )
    return answer(MessagePage(messages=[MessageOut.of(message) for message in page], next_cursor=cursor))


@api.post("/conversations/<id>/read", responses={200: ReadOut})
def mark_read(path: ConversationPath) -> Response:
    """Say that somebody has read the conversation; its customer sees it where the channel has `readMarks` on."""
    require(Role.AGENT)
    return _read(path.id, None)


@api.put("/conversations/<id>/read", responses={200: ReadOut})
def mark_read_until(path: ConversationPath, body: ReadIn) -> Response:
    """Say up to which message somebody has read the conversation; it is read for all people of the business then.

    Its customer sees it as with `POST`.
    """
    require(Role.AGENT)
    return _read(path.id, body.last_message_id)


@api.post("/conversations/<id>/notes", responses={201: NoteOut})
def write_note(path: ConversationPath, body: NoteIn) -> Response:
    """Write a note for the people of the business; neither the customer nor an agent is shown it."""
    require(Role.AGENT)
    note, mentioned_ids = notes.add(deps(), caller(), path.id, body.text, body.mentioned_ids)
    return answer(NoteOut(message=MessageOut.of(note), mentioned_ids=mentioned_ids), 201)


@api.post("/conversations/<id>/typing", responses={200: TypingOut})
def show_typing(path: ConversationPath) -> Response:
    """Say that somebody is writing: colleagues see it, and for a few seconds its customer, where the channel can."""
    require(Role.AGENT)
    return answer(TypingOut(visible=presence.show_typing(deps(), caller().tenant_id, path.id, caller())))


@api.patch("/conversations/<id>", responses={200: ConversationRow, 409: Failure, 412: Failure})
def change_conversation(header: IfMatchHeader, path: ConversationPath, body: ConversationChange) -> Response:
    """Change status, assignee, priority or tags.

    With `If-Match` only as long as nobody has changed these since; a 412 says who has.
    """
    require(Role.AGENT)
    decider = conversations.Decider(caller().credential_id, header.revisions)
    return _answer(conversations.update(deps(), caller().tenant_id, path.id, body.to_domain(), decider))


@api.patch("/conversations/<id>/auto-reply", responses={200: AutoReplyOut})
def switch_auto_reply(path: ConversationPath, body: AutoReplyIn) -> Response:
    """Let agents answer by themselves in a conversation, or none of them; people can write in either case."""
    require(Role.AGENT)
    changed = auto_reply.switch(deps(), caller().tenant_id, path.id, enabled=body.enabled, agent_id=body.agent_id)
    return answer(AutoReplyOut(conversation=_row(changed)))


@api.post("/conversations/<id>/take", responses={200: ConversationRow, 409: Failure})
def take(path: ConversationPath) -> Response:
    """Take a conversation: agents pause there. 409 names another person who has it."""
    require(Role.AGENT)
    return _answer(ownership.take(deps(), caller(), path.id))


@api.post("/conversations/<id>/release", responses={200: ConversationRow})
def release(path: ConversationPath) -> Response:
    """Give a conversation back to the agents, who answer what waits there."""
    require(Role.AGENT)
    return _answer(ownership.release(deps(), caller().tenant_id, path.id))


@api.post("/conversations/<id>/offer", responses={200: ConversationRow, 409: Failure})
def offer(path: ConversationPath, body: OfferIn) -> Response:
    """Have a conversation wait for a person; people are notified. 409 names another person who has it."""
    require(Role.AGENT)
    assignee_id = (body.assignee_id or "").strip() or None
    return _answer(ownership.offer(deps(), caller(), path.id, body.reason, assignee_id))


@api.post("/conversations/<id>/accept", responses={200: ConversationRow, 409: Failure})
def accept(path: ConversationPath) -> Response:
    """Take a conversation that waits for a person; 409 where it does not, or somebody was faster."""
    require(Role.AGENT)
    return _answer(ownership.accept(deps(), caller(), path.id))


def _answer(conversation: Conversation) -> Response:
    response = answer(_row(conversation))
    response.set_etag(conversation.revision)
    return response


def _read(conversation_id: str, last_message_id: str | None) -> Response:
    reading = presence.mark_read(deps(), caller().tenant_id, conversation_id, last_message_id)
    return answer(ReadOut(marked=reading.is_shown, unread=reading.unread_count))


def _row(conversation: Conversation) -> ConversationRow:
    [row] = _rows([conversation])
    return row


def _rows(page: Sequence[Conversation]) -> list[ConversationRow]:
    return [ConversationRow.of_row(row) for row in rows.rows(deps(), caller().tenant_id, page)]
