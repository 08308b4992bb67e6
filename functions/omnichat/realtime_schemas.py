"""Messages and conversations as OmniChat clients see them, on the socket and over HTTP alike."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from shared.domain.conversations import Conversation
from shared.domain.instances import InstanceStatus
from shared.domain.messages import Message, Version, media_id
from shared.domain.notifications import Notification
from shared.domain.sla import SlaState
from shared.http.described import DescribedByFields
from shared.http.times import Milliseconds

CHANNEL_STATUS = {
    InstanceStatus.NOT_CONFIGURED: "DISCONNECTED",
    InstanceStatus.CONFIGURED: "DISCONNECTED",
    InstanceStatus.DISCONNECTED: "DISCONNECTED",
    InstanceStatus.DELETED: "DISCONNECTED",
    InstanceStatus.CONNECTING: "CONNECTING",
    InstanceStatus.WAITING_FOR_SCAN: "CONNECTING",
    InstanceStatus.CONNECTED: "CONNECTED",
    InstanceStatus.ERROR: "ERROR",
}
"""The four words that this dialect has for an instance's status."""


class _Wire(BaseModel):
    """Fields have the domain's names here and camel case on the wire."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, frozen=True, defer_build=True
    )


_OPTIONAL = frozenset({"verified", "note", "blocked"})
"""A message's fields that are left out where there is nothing to say."""

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


def _camel(value: object) -> object:
    """The same with snake-case keys in camel case on every level; other keys may be somebody's own words."""
    if isinstance(value, dict):
        return {to_camel(key) if _SNAKE.fullmatch(str(key)) else key: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


class AttachmentOut(_Wire, DescribedByFields):
    """What is not known of a file is left out; `type` and `extra` are always there."""

    type: str
    media_id: str | None = Field(default=None, description="What `GET /media/{id}` gives the file for.")
    url: str | None = Field(
        default=None, description="Where the file is; a path of the hub's own wants a credential or a session's cookie."
    )
    mime_type: str | None = None
    file_name: str | None = None
    size: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    name: str | None = None
    address: str | None = None
    unavailable: str | None = Field(default=None, description="Why nobody gets the file, such as `no longer kept`.")
    extra: Annotated[dict[str, Any], PlainSerializer(_camel, return_type=dict[str, Any])] = Field(
        default_factory=dict, description="What its channel alone knows, such as `fileId`."
    )

    @classmethod
    def of(cls, message: Message, number: int) -> AttachmentOut:
        attachment = message.attachments[number].as_offered()
        file_id = media_id(message.id, number, attachment)
        url = attachment.url or (f"/media/{file_id}" if file_id else None)
        return cls(**attachment.model_dump(exclude={"url"}), url=url, media_id=file_id)

    @model_serializer(mode="wrap")
    def _without_unknown(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class VersionOut(_Wire):
    """What a message said until it was edited."""

    text: str | None
    replaced_at: Milliseconds

    @classmethod
    def of(cls, version: Version) -> VersionOut:
        return cls(text=version.text, replaced_at=version.replaced_at)


class MessageOut(_Wire, DescribedByFields):
    """A message. `status` is its fate in lower case, from `pending` to `read` or `dead`; inbound: `received`.

    `verified` is there, and false, where the author may be somebody else, and `note` where something of the message
    went out otherwise than it was written, such as a file that went as a link. `blocked` is there, and true, where an
    access rule blocks the sender.
    """

    id: str
    conversation_id: str
    channel_instance_id: str
    customer_id: str
    direction: str
    author: str
    author_id: str | None
    author_name: str | None
    type: str
    text: str | None
    attachments: list[AttachmentOut]
    content: Annotated[dict[str, Any], PlainSerializer(_camel, return_type=dict[str, Any])] = Field(
        description="What the customer sees beside text and files, such as `subject`, `order` or `forwarded`."
    )
    reactions: dict[str, str]
    reply_to: str | None
    external_message_id: str | None
    status: str
    error: str | None
    sent_at: Milliseconds
    created_at: Milliseconds
    edited_at: Milliseconds | None
    versions: list[VersionOut]
    deleted_at: Milliseconds | None
    verified: bool | None = None
    note: str | None = None
    blocked: bool | None = None

    @classmethod
    def of(cls, message: Message) -> MessageOut:
        same = message.model_dump(
            include=set(cls.model_fields) - {"direction", "author", "attachments", "content", "versions", "blocked"}
        )
        return cls(
            **same,
            channel_instance_id=message.instance_id,
            direction=message.direction.upper(),
            author=message.author.upper(),
            type=message.kind.value,
            attachments=[AttachmentOut.of(message, number) for number in range(len(message.attachments))],
            content=message.content.model_dump(mode="json", exclude_defaults=True),
            versions=[VersionOut.of(version) for version in message.versions],
            verified=False if message.may_be_forged else None,
            blocked=message.blocked or None,
        )

    @model_serializer(mode="wrap")
    def _without_unknown(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name not in _OPTIONAL or value is not None}


class SlaOut(_Wire):
    """`dueAt` is the earliest time at which something is due; `state` is `ok`, `warning` or `breached`."""

    due_at: Milliseconds
    state: SlaState

    @classmethod
    def of(cls, conversation: Conversation) -> SlaOut | None:
        """None where nothing is due."""
        sla = conversation.sla
        return cls(due_at=sla.due_at, state=sla.state) if sla.due_at is not None else None


class ConversationOut(_Wire):
    """A conversation on the instance where it goes on now. `teamId` is the group it was routed to, by name or id.

    `owner` is whose turn it is: `BOT`, `HUMAN`, or `NOBODY` where it waits for a person. A human's conversation is that
    of `holderId`, a user or an API key (null: somebody on the business's own phone), and machines pause until
    `pauseEndsAt` (null: until it is released). `sla` is null where no policy says by when it is to be answered,
    `queuedAt` where it does not wait for a person of its team.
    """

    id: str
    channel_instance_id: str
    channel_type: str
    customer_id: str
    customer_name: str | None
    external_conversation_id: str
    is_group: bool
    status: str
    priority: str
    assignee_id: str | None
    team_id: str | None
    queued_at: Milliseconds | None
    needs_human: bool
    owner: str
    holder_id: str | None
    pause_ends_at: Milliseconds | None
    last_message_at: Milliseconds
    sla: SlaOut | None
    snoozed_until: Milliseconds | None
    closed_at: Milliseconds | None
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationOut:
        same = conversation.model_dump(include=set(cls.model_fields) - {"status", "priority", "owner", "sla"})
        return cls(
            **same,
            channel_instance_id=conversation.instance_id,
            channel_type=conversation.channel.upper(),
            status=conversation.status.upper(),
            priority=conversation.priority.upper(),
            owner=conversation.answers_next.upper(),
            sla=SlaOut.of(conversation),
        )


class NoticeOut(_Wire):
    """`isPersonal` is true for what only one person is told, such as that somebody mentioned them."""

    id: str
    type: str
    title: str
    message: str
    conversation_id: str | None
    is_personal: bool
    created_at: Milliseconds

    @classmethod
    def of(cls, notification: Notification) -> NoticeOut:
        same = notification.model_dump(include=set(cls.model_fields))
        return cls(**same, is_personal=notification.user_id is not None)
