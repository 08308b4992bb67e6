"""The Dashboard's wire forms: snake case, times in whole seconds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.deps import Deps
from shared.domain.content import Poll
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.instances import ChannelType
from shared.domain.messages import Attachment, Author, Direction, Message, MessageKind, media_id, phones
from shared.domain.outbox import Template
from shared.domain.templates import Filling
from shared.errors import BadRequest
from shared.http.any_case import ANY_CASE
from shared.http.described import DescribedByFields
from shared.http.display_names import NOT_BLANK
from shared.http.times import WholeSeconds
from shared.usecases.conversations import uploads
from shared.usecases.conversations.sending import Content

CHANNELS = {channel: channel.value for channel in ChannelType} | {ChannelType.WIDGET: "chat"}
"""This dialect's words for the channel types."""

STATUS = {
    ConversationStatus.OPEN: "active",
    ConversationStatus.CLOSED: "resolved",
    ConversationStatus.SNOOZED: "snoozed",
}
"""This dialect's words for where a conversation stands."""

SENDERS = {
    Author.CUSTOMER: "customer",
    Author.HUMAN: "agent",
    Author.OTHER: "agent",
    Author.BOT: "bot",
    Author.SYSTEM: "system",
}
"""This dialect's words for who wrote; a message from the business's own phone counts as an agent's."""


def sender(message: Message) -> str:
    """This dialect's word for who wrote a message; the customer has not been sent what a person only noted."""
    return "system" if message.direction is Direction.SYSTEM else SENDERS[message.author]


MAX_PAGE = 200

_OPTIONAL = frozenset({"verified", "note", "edited_at", "deleted_at"})
"""A message's fields that are left out where there is nothing to say."""


class WithDetail(DescribedByFields):
    """An answer that explains itself where something is amiss; else it has the documented keys alone."""

    detail: str | None = Field(default=None, description="What is missing or wrong; left out where nothing is.")

    @model_serializer(mode="wrap")
    def _without_detail(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name != "detail" or value is not None}


class CustomerInfo(BaseModel):
    """`name` is the number of who has not said their name."""

    name: str | None
    phone: str | None


class SessionOut(BaseModel):
    """A conversation as this dialect sees it."""

    session_id: str
    customer_id: str
    channel_type: str
    status: str
    created_at: WholeSeconds
    last_activity: WholeSeconds
    agent_id: str | None
    priority: str
    customer_info: CustomerInfo

    @classmethod
    def of(cls, conversation: Conversation) -> SessionOut:
        return cls(
            session_id=conversation.id,
            customer_id=conversation.customer_id,
            channel_type=CHANNELS[conversation.channel],
            status=STATUS[conversation.status],
            created_at=conversation.created_at,
            last_activity=conversation.last_message_at,
            agent_id=conversation.assignee_id,
            priority=conversation.priority.value,
            customer_info=CustomerInfo(
                name=conversation.customer_name or conversation.phone_number, phone=conversation.customer_phone
            ),
        )


class WholeSessionOut(SessionOut):
    """With the group of agents that a routing rule assigned it to, by name or id."""

    agent_group: str | None

    @classmethod
    def of(cls, conversation: Conversation) -> WholeSessionOut:
        return cls(**SessionOut.of(conversation).model_dump(), agent_group=conversation.team_id)


class SessionsOut(BaseModel):
    sessions: list[WholeSessionOut]
    next_cursor: str | None


class SessionsQuery(BaseModel):
    limit: int = Field(default=MAX_PAGE, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class AttachmentOut(BaseModel):
    """A file, place or contact; what is not known is left out."""

    type: str
    media_id: str | None = Field(default=None, description="What `GET /media/{id}` gives the file for.")
    url: str | None = None
    mime_type: str | None = None
    file_name: str | None = None
    size: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    name: str | None = None
    address: str | None = None
    phones: list[str] | None = Field(default=None, description="The numbers of a contact.")
    unavailable: str | None = Field(default=None, description="Why nobody gets the file, such as `no longer kept`.")

    @classmethod
    def of(cls, message: Message, number: int) -> dict[str, Any]:
        attachment = message.attachments[number].as_offered()
        wire = cls.model_validate(attachment.model_dump(include=set(cls.model_fields)))
        wire.media_id = media_id(message.id, number, attachment)
        wire.phones = phones(attachment) or None
        return wire.model_dump(exclude_none=True)


class MessageOut(DescribedByFields):
    """A message; `status` is its fate, `received` for a customer's.

    `verified` is there, and false, where the author may be somebody else, and `note` where something of the message
    went out otherwise than it was written, such as a file that went as a link. `edited_at` and `deleted_at` are there
    where it was edited or deleted.
    """

    message_id: str
    session_id: str
    sender: str
    content: str
    timestamp: WholeSeconds
    type: str
    status: str
    attachments: list[dict[str, Any]]
    details: dict[str, Any] = Field(
        description="What the customer sees beside `content` and files, such as `subject`, `order` or `forwarded`."
    )
    verified: bool | None = None
    note: str | None = None
    edited_at: WholeSeconds | None = None
    deleted_at: WholeSeconds | None = None

    @classmethod
    def of(cls, message: Message) -> MessageOut:
        return cls(
            message_id=message.id,
            session_id=message.conversation_id,
            sender=sender(message),
            content=message.text or "",
            timestamp=message.sent_at,
            type=message.kind.value,
            status=message.status.value,
            attachments=[AttachmentOut.of(message, number) for number in range(len(message.attachments))],
            details=message.content.model_dump(mode="json", exclude_defaults=True),
            verified=False if message.may_be_forged else None,
            note=message.note,
            edited_at=message.edited_at,
            deleted_at=message.deleted_at,
        )

    @model_serializer(mode="wrap")
    def _without_unknown(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name not in _OPTIONAL or value is not None}


class MessagesOut(BaseModel):
    """Oldest first; `next_cursor` leads to older ones."""

    messages: list[MessageOut]
    next_cursor: str | None


class TemplateIn(Filling):
    """A message that the provider approved beforehand; `parameters` fill its text's places in order,
    `named_parameters` those with names. `header` and `buttons` fill what has places there, too.
    """

    name: str = Field(min_length=1, max_length=512)
    language: str = Field(min_length=2, max_length=16, description="as the provider spells it, such as `en_US`")
    parameters: list[Annotated[str, Field(max_length=4096)]] = Field(default_factory=list, max_length=50)
    named_parameters: dict[str, Annotated[str, Field(max_length=4096)]] | None = Field(
        default=None, max_length=50, examples=[None]
    )

    def to_domain(self) -> Template:
        return Template(**self.model_dump(exclude={"header", "buttons"}), **self.stored())


class PollIn(BaseModel):
    """A question to vote on; with `multiple` for several options."""

    question: str = Field(min_length=1, max_length=255)
    options: list[Annotated[str, Field(min_length=1, max_length=55)]] = Field(
        min_length=2, max_length=10, examples=[["red", "blue"]]
    )
    multiple: bool = False


class SendIn(BaseModel):
    """A message for a session. For `type` image, video, audio, document or sticker, `content` is the file's address.
    Beside the `file_id` of an upload (`POST /api/files`), which takes the place of an address, it is the text.

    Beside a `template`, `content` is what the hub shows for it, and may be left out. A `poll` goes out alone, and so
    does the message that `forward_of` names, which is passed on.
    """

    session_id: str = Field(min_length=1, max_length=64)
    content: str = Field(default="", max_length=65_536)
    type: Annotated[Literal["text", "image", "video", "audio", "document", "sticker"], ANY_CASE] = "text"
    file_id: str | None = Field(default=None, min_length=1, max_length=64)
    template: TemplateIn | None = None
    poll: PollIn | None = None
    forward_of: str | None = Field(default=None, max_length=64)

    @model_validator(mode="after")
    def _has_content(self) -> SendIn:
        has_content = bool(self.content.strip()) or self.template is not None or self.file_id is not None
        if has_content is bool(self.poll or self.forward_of):
            empty = PydanticCustomError("empty", "give a text, a file's address, a template, a poll or forward_of")
            # Raised in this way the error names the field.
            raise ValidationError.from_exception_data(
                "SendIn", [InitErrorDetails(type=empty, loc=("content",), input=None)]
            )
        return self

    def to_domain(self, deps: Deps, tenant_id: str) -> Content:
        """Raises `BadRequest` for an address that may not be called, and as `uploads.attachment` for an upload."""
        if self.template is not None:
            return Content(text=self.content or None, template=self.template.to_domain())
        if self.file_id is not None:
            if self.type == "text":
                raise BadRequest.of_field("type", "is image, video, audio, document or sticker with a file_id")
            file = uploads.attachment(deps, tenant_id, self.file_id, MessageKind(self.type), None)
            return Content(text=self.content or None, attachments=(file,))
        if self.poll is not None:
            return Content(poll=Poll(**self.poll.model_dump()))
        if self.forward_of is not None:
            return Content(forward_of=self.forward_of)
        if self.type == "text":
            return Content(text=self.content)
        deps.http.check(self.content, "content")
        return Content(attachments=(Attachment(type=MessageKind(self.type), url=self.content),))


class SentOut(MessageOut):
    """The accepted message, as it is listed."""

    success: bool


class MessageEdit(BaseModel):
    """What the message is to say instead; its files stay."""

    content: Annotated[str, NOT_BLANK] = Field(min_length=1, max_length=65_536)


class MessagePath(BaseModel):
    message_id: str = Field(max_length=64)


class MessagesPath(BaseModel):
    session_id: str


class MessagesQuery(BaseModel):
    limit: int = Field(default=100, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class Services(BaseModel):
    """`redis` is what coordinates the hub's processes: the store's leases. `webhooks` need the store too."""

    database: str
    redis: str
    webhooks: str


class HealthOut(BaseModel):
    status: str
    db: str
    uptime: int
    timestamp: WholeSeconds
    services: Services
    version: str


class LiveOut(BaseModel):
    status: str


class CapabilitiesQuery(BaseModel):
    include: str | None = Field(default=None, description="`all` for every channel of the hub")


class CapabilitiesOut(BaseModel):
    channels: list[str]
    features: list[str]
    version: str
