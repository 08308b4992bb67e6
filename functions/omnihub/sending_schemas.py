"""The bodies by which tools for later Omni servers send, with either tool's names for the same thing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from shared.channels import channel, names
from shared.deps import Deps
from shared.domain.customers import Customer, Identity
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import ReactionTo
from shared.errors import BadRequest
from shared.http.any_case import ANY_CASE
from shared.http.display_names import NOT_BLANK
from shared.usecases.conversations import client_names, uploads
from shared.usecases.conversations.client_names import Person
from shared.usecases.conversations.sending import Content

Name = Annotated[str, Field(min_length=1, max_length=256)]
FileURL = Annotated[str, Field(min_length=1, max_length=4096)]
Base64 = Annotated[str, Field(min_length=4, max_length=1_048_576, examples=["aGVsbG8="])]
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,")


class PersonIn(BaseModel):
    """Whom it is about. `user_id` is a customer's id, or an address such as Discord's."""

    phone_number: Annotated[str, Field(max_length=256)] | None = Field(
        default=None,
        validation_alias=AliasChoices("phone_number", "phone"),
        examples=["+5511988887777"],
    )
    user_id: Annotated[str, Field(max_length=256)] | None = None

    def person(self) -> Person:
        return Person((self.phone_number or "").strip() or None, (self.user_id or "").strip() or None)


class SendBase(PersonIn):
    """A message to somebody; `quoted_message_id` is the id of the message that it answers, ours or the provider's."""

    # How these servers pace and address their messages, which the hub decides for itself.
    ignored: ClassVar = frozenset({"delay", "split_message", "mentioned", "mentions_everyone", "auto_parse_mentions"})

    quoted_message_id: Name | None = None

    def quoted(self, deps: Deps, instance: Instance) -> str | None:
        """The provider's id of the quoted message."""
        if self.quoted_message_id is None:
            return None
        return client_names.message(deps, instance, self.quoted_message_id).external_message_id


class SendText(SendBase):
    text: Annotated[str, NOT_BLANK] = Field(
        min_length=1, max_length=65_536, validation_alias=AliasChoices("text", "message"), examples=["Hello"]
    )

    def content(self, deps: Deps, instance: Instance) -> Content:
        return Content(text=self.text, reply_to=self.quoted(deps, instance))


def _example(**file: str) -> ConfigDict:
    """One of two ways of giving a file, of which no field says that it is needed."""
    return ConfigDict(json_schema_extra={"example": {"phone_number": "+5511988887777", **file}})


class SendMedia(SendBase):
    """A file by its address, or in base64, as in the two that follow."""

    model_config = _example(media_url="https://shop.example/price-list.pdf", media_type="document")

    media_url: FileURL | None = None
    media_base64: Base64 | None = None
    media_type: Annotated[Literal["image", "video", "document"], ANY_CASE] = "image"
    caption: str | None = Field(default=None, max_length=65_536)
    filename: str | None = Field(default=None, max_length=255)
    mime_type: str | None = Field(default=None, max_length=127)

    def content(self, deps: Deps, instance: Instance) -> Content:
        kind = MessageKind(self.media_type)
        file = _file(deps, instance, kind, "media", self.media_url, self.media_base64, self.filename, self.mime_type)
        return Content(text=self.caption, attachments=(file,), reply_to=self.quoted(deps, instance))


class SendAudio(SendBase):
    """A voice message: whether it looks like one is up to the channel, whatever `ptt` says."""

    ignored: ClassVar = SendBase.ignored | {"ptt"}
    model_config = _example(audio_url="https://shop.example/greeting.ogg")

    audio_url: FileURL | None = None
    audio_base64: Base64 | None = None

    def content(self, deps: Deps, instance: Instance) -> Content:
        file = _file(deps, instance, MessageKind.AUDIO, "audio", self.audio_url, self.audio_base64)
        return Content(attachments=(file,), reply_to=self.quoted(deps, instance))


class SendSticker(SendBase):
    """A sticker; a picture on a channel that sends none."""

    model_config = _example(sticker_url="https://shop.example/thanks.webp")

    sticker_url: FileURL | None = None
    sticker_base64: Base64 | None = None

    def content(self, deps: Deps, instance: Instance) -> Content:
        kind = MessageKind.STICKER if _carries(instance, MessageKind.STICKER) else MessageKind.IMAGE
        file = _file(deps, instance, kind, "sticker", self.sticker_url, self.sticker_base64)
        return Content(attachments=(file,), reply_to=self.quoted(deps, instance))


def _file(
    deps: Deps,
    instance: Instance,
    kind: MessageKind,
    what: str,
    url: str | None,
    data: str | None,
    file_name: str | None = None,
    mime_type: str | None = None,
) -> Attachment:
    """Raises `BadRequest` unless there is one of the two, and as `uploads.upload` and `uploads.attachment`."""
    if url is not None and data is None:
        deps.http.check(url, f"{what}_url")
        return Attachment(type=kind, url=url, file_name=file_name, mime_type=mime_type)
    if url is not None or data is None:
        raise BadRequest.of_field(f"{what}_url", f"is needed, or {what}_base64: give one of the two")
    try:
        content = base64.b64decode(_DATA_URL.sub("", data, count=1), validate=True)
    except binascii.Error:
        raise BadRequest.of_field(f"{what}_base64", "is no base64") from None
    copy = uploads.upload(deps, instance.tenant_id, content, mime_type, file_name)
    return uploads.attachment(deps, instance.tenant_id, copy.id, kind, file_name)


def _carries(instance: Instance, kind: MessageKind) -> bool:
    return instance.adapter in names() and kind in channel(instance.adapter).capabilities.attachments


class CardIn(BaseModel):
    full_name: Name
    phone_number: Annotated[str, Field(max_length=64)] | None = None
    email: Annotated[str, Field(max_length=256)] | None = None
    organization: Annotated[str, Field(max_length=256)] | None = None
    url: Annotated[str, Field(max_length=2048)] | None = None

    @property
    def is_name_and_number(self) -> bool:
        """Whether a channel's card shows all of it."""
        return bool(self.phone_number) and not (self.email or self.organization or self.url)

    def attachment(self) -> Attachment:
        return Attachment(type=MessageKind.CONTACT, name=self.full_name, extra={"phones": [self.phone_number]})


class SendContacts(SendBase):
    contacts: list[CardIn] = Field(min_length=1, max_length=10)

    def content(self, deps: Deps, instance: Instance) -> Content:
        quoted = self.quoted(deps, instance)
        if _carries(instance, MessageKind.CONTACT) and all(card.is_name_and_number for card in self.contacts):
            return Content(attachments=tuple(card.attachment() for card in self.contacts), reply_to=quoted)
        return Content(text=_in_words(self.contacts), reply_to=quoted)


class SendReaction(PersonIn):
    """A reaction to a message; an empty emoji takes it back."""

    ignored: ClassVar = frozenset({"delay"})

    message_id: Name
    emoji: str = Field(max_length=16, validation_alias=AliasChoices("emoji", "reaction"), examples=["👍"])

    def content(self, deps: Deps, instance: Instance) -> Content:
        named = client_names.message(deps, instance, self.message_id)
        return Content(
            reaction=ReactionTo(external_message_id=named.external_message_id, emoji=self.emoji, from_me=named.from_us)
        )


class PictureIn(BaseModel):
    picture_url: FileURL = Field(examples=["https://shop.example/logo.jpg"])


def _in_words(contacts: Sequence[CardIn]) -> str:
    """People's cards in words, one after the other."""
    lines = [[each.full_name, each.organization, each.phone_number, each.email, each.url] for each in contacts]
    return "\n\n".join("\n".join(filter(None, card)) for card in lines)


class SentOut(BaseModel):
    """A message that was accepted; `message_id` is the hub's, by which it can be quoted and reacted to."""

    success: Literal[True] = True
    message_id: str | None
    status: Literal["sent", "updated"] = "sent"
    error: None = None


class Profile(BaseModel):
    """What the hub knows of a person."""

    user_id: str
    name: str | None
    phone_number: str | None
    email: str | None
    address: str | None = Field(description="Their address on this instance.")
    tags: list[str]

    @classmethod
    def of(cls, customer: Customer, identity: Identity | None) -> Profile:
        return cls(
            user_id=customer.id,
            name=customer.name or (identity.shown_name if identity else None),
            phone_number=customer.phone or (identity.phone if identity else None),
            email=customer.email,
            address=identity.external_user_id if identity else None,
            tags=customer.tags,
        )


class ProfileOut(BaseModel):
    success: Literal[True] = True
    profile: Profile
