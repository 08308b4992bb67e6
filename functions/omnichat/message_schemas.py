"""OmniChat's forms for what is sent and for the queue it waits in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from functions.omnichat.realtime_schemas import MessageOut
from functions.omnichat.schemas import Request
from shared.deps import Deps
from shared.domain.content import Poll
from shared.domain.messages import Attachment, Message, MessageKind
from shared.domain.outbox import Choice, OutboxItem, OutboxStatus, ReactionTo, Template
from shared.domain.templates import Filling
from shared.errors import BadRequest
from shared.http.times import Milliseconds
from shared.usecases.conversations import uploads

_SENDABLE = {
    "image": MessageKind.IMAGE,
    "photo": MessageKind.IMAGE,
    "video": MessageKind.VIDEO,
    "audio": MessageKind.AUDIO,
    "voice": MessageKind.AUDIO,
    "document": MessageKind.DOCUMENT,
    "file": MessageKind.DOCUMENT,
    "sticker": MessageKind.STICKER,
    "location": MessageKind.LOCATION,
    "contact": MessageKind.CONTACT,
}


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, defer_build=True
    )


Phone = Annotated[str, Field(min_length=3, max_length=40, examples=["+4915112345678"])]


class AttachmentIn(Request, _Wire):
    """A file by its address or, if it was uploaded (`POST /api/files`), its id; a place; or a contact's card.

    A card has a `name` and `phones`.
    """

    type: str = Field(max_length=20, description="image, video, audio, document, sticker, location or contact")
    url: str | None = Field(default=None, max_length=4096)
    file_id: str | None = Field(
        default=None, min_length=1, max_length=64, description="Of an upload, instead of `url`."
    )
    file_name: str | None = Field(default=None, max_length=255)
    mime_type: str | None = Field(default=None, max_length=127)
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    name: str | None = Field(default=None, max_length=255)
    address: str | None = Field(default=None, max_length=1024)
    phones: list[Phone] = Field(default_factory=list, max_length=10, description="The numbers of a contact.")

    def to_domain(self, deps: Deps, tenant_id: str) -> Attachment:
        """Raises `BadRequest` for a type that cannot be sent, and for an address that may not be called.

        For an upload also raises as `uploads.attachment`.
        """
        kind = _SENDABLE.get(self.type.lower())
        if kind is None:
            raise _not_sendable(f"the type {self.type!r} is none of {', '.join(_SENDABLE)}")
        if kind is MessageKind.LOCATION and (self.latitude is None or self.longitude is None):
            raise _not_sendable("a location needs latitude and longitude")
        if kind is MessageKind.CONTACT and not self.phones:
            raise _not_sendable("a contact needs phones")
        if kind not in (MessageKind.LOCATION, MessageKind.CONTACT):
            if self.file_id and not self.url:
                return uploads.attachment(deps, tenant_id, self.file_id, kind, self.file_name)
            if not self.url or self.file_id:
                raise _not_sendable(f"{self.type} needs a url or a fileId, and not both")
            deps.http.check(self.url, "attachments")
        extra = {"phones": self.phones} if self.phones else {}
        fields = self.model_dump(exclude={"type", "phones", "file_id"}, by_alias=False)
        return Attachment(type=kind, extra=extra, **fields)


def _not_sendable(reason: str) -> BadRequest:
    return BadRequest.of_field("attachments", reason)


class ReactionIn(Request, _Wire):
    """A reaction to a message, named by the provider's id; an empty emoji takes it back."""

    message_id: str = Field(max_length=256)
    emoji: str = Field(max_length=16)
    from_me: bool = False

    def to_domain(self) -> ReactionTo:
        return ReactionTo(external_message_id=self.message_id, emoji=self.emoji, from_me=self.from_me)


class TemplateIn(Request, _Wire, Filling):
    """A message that the provider approved beforehand; `parameters` fill its text's places in order, `namedParameters`
    those with names. `header` and `buttons` fill what has places there, too.
    """

    name: str = Field(min_length=1, max_length=512)
    language: str = Field(min_length=2, max_length=16, description="as the provider spells it, such as `en_US`")
    parameters: list[Annotated[str, Field(max_length=4096)]] = Field(default_factory=list, max_length=50)
    named_parameters: dict[str, Annotated[str, Field(max_length=4096)]] | None = Field(
        default=None, max_length=50, examples=[None]
    )

    def to_domain(self) -> Template:
        return Template(**self.model_dump(by_alias=False, exclude={"header", "buttons"}), **self.stored())


class ChoiceIn(Request, _Wire):
    """An answer that the customer can choose; its `id` comes back with it."""

    id: str = Field(min_length=1, max_length=200)
    title: str = Field(min_length=1, max_length=80)
    description: str | None = Field(default=None, max_length=200)

    def to_domain(self) -> Choice:
        return Choice(id=self.id, title=self.title, description=self.description)


class PollIn(Request, _Wire):
    """A question to vote on; with `multiple` for several options."""

    question: str = Field(min_length=1, max_length=255)
    options: list[Annotated[str, Field(min_length=1, max_length=55)]] = Field(
        min_length=2, max_length=10, examples=[["red", "blue"]]
    )
    multiple: bool = False

    def to_domain(self) -> Poll:
        return Poll(question=self.question, options=self.options, multiple=self.multiple)


class QueueItem(_Wire):
    """A message on its way out, or its change: `action` is `send`, `edit` or `delete`; a `read` marks
    a customer's messages as read.

    When it is DEAD `reason` is `rejected`, `outside_window`, `retries_exhausted` or `outcome_unknown`.
    """

    id: str
    action: str
    message_id: str
    status: OutboxStatus
    conversation_id: str
    channel_instance_id: str
    attempts: int
    next_retry_at: Milliseconds | None
    reason: str | None
    error: str | None
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, item: OutboxItem) -> QueueItem:
        same = item.model_dump(include=set(cls.model_fields)) | {"message_id": item.message_id}
        action = item.payload.change.action if item.payload.change else "send"
        return cls(**same, action=action, channel_instance_id=item.instance_id)


class Accepted(MessageOut):
    """The stored message, beside its own fields also as `message`, and its place in the queue."""

    ok: Literal[True] = True
    message: MessageOut
    queue: QueueItem

    @classmethod
    def accepted(cls, message: Message, item: OutboxItem) -> Accepted:
        stored = MessageOut.of(message)
        return cls(**dict(stored), message=stored, queue=QueueItem.of(item))


def _upper(word: object) -> object:
    return word.upper() if isinstance(word, str) else word


class OutboxQuery(BaseModel):
    status: Annotated[OutboxStatus, BeforeValidator(_upper)] = OutboxStatus.DEAD
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2048)


class OutboxPage(_Wire):
    items: list[QueueItem]
    next_cursor: str | None
