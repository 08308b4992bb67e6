"""The bodies by which tools for later Omni servers send, with either tool's names for the same thing."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AliasChoices, BaseModel, Field

from shared.channels import channel, names
from shared.deps import Deps
from shared.domain.customers import Customer, Identity
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import ReactionTo
from shared.usecases.conversations import client_names
from shared.usecases.conversations.client_names import Person
from shared.usecases.conversations.sending import Content

Name = Annotated[str, Field(min_length=1, max_length=256)]
FileURL = Annotated[str, Field(min_length=1, max_length=4096)]
_NO_FILES = "is not taken: send the address of a file"


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
    text: str = Field(
        min_length=1, max_length=65_536, validation_alias=AliasChoices("text", "message"), examples=["Hello"]
    )

    def content(self, deps: Deps, instance: Instance) -> Content:
        return Content(text=self.text, reply_to=self.quoted(deps, instance))


class SendMedia(SendBase):
    refused: ClassVar = {"media_base64": _NO_FILES}

    media_url: FileURL = Field(examples=["https://shop.example/price-list.pdf"])
    media_type: Literal["image", "video", "document"] = "image"
    caption: str | None = Field(default=None, max_length=65_536)
    filename: str | None = Field(default=None, max_length=255)
    mime_type: str | None = Field(default=None, max_length=127)

    def content(self, deps: Deps, instance: Instance) -> Content:
        deps.http.check(self.media_url, "media_url")
        file = Attachment(
            type=MessageKind(self.media_type), url=self.media_url, file_name=self.filename, mime_type=self.mime_type
        )
        return Content(text=self.caption, attachments=(file,), reply_to=self.quoted(deps, instance))


class SendAudio(SendBase):
    """A voice message: whether it looks like one is up to the channel, whatever `ptt` says."""

    ignored: ClassVar = SendBase.ignored | {"ptt"}
    refused: ClassVar = {"audio_base64": _NO_FILES}

    audio_url: FileURL = Field(examples=["https://shop.example/greeting.ogg"])

    def content(self, deps: Deps, instance: Instance) -> Content:
        deps.http.check(self.audio_url, "audio_url")
        file = Attachment(type=MessageKind.AUDIO, url=self.audio_url)
        return Content(attachments=(file,), reply_to=self.quoted(deps, instance))


class SendSticker(SendBase):
    refused: ClassVar = {"sticker_base64": _NO_FILES}

    sticker_url: FileURL = Field(examples=["https://shop.example/thanks.webp"])

    def content(self, deps: Deps, instance: Instance) -> Content:
        deps.http.check(self.sticker_url, "sticker_url")
        return Content(attachments=(sticker(instance, self.sticker_url),), reply_to=self.quoted(deps, instance))


class CardIn(BaseModel):
    full_name: Name
    phone_number: Annotated[str, Field(max_length=64)] | None = None
    email: Annotated[str, Field(max_length=256)] | None = None
    organization: Annotated[str, Field(max_length=256)] | None = None
    url: Annotated[str, Field(max_length=2048)] | None = None


class SendContacts(SendBase):
    contacts: list[CardIn] = Field(min_length=1, max_length=10)

    def content(self, deps: Deps, instance: Instance) -> Content:
        return Content(text=cards(self.contacts), reply_to=self.quoted(deps, instance))


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


def sticker(instance: Instance, url: str) -> Attachment:
    """A sticker; a picture on a channel that sends none."""
    kinds = channel(instance.adapter).capabilities.attachments if instance.adapter in names() else {}
    return Attachment(type=MessageKind.STICKER if MessageKind.STICKER in kinds else MessageKind.IMAGE, url=url)


def cards(contacts: list[CardIn]) -> str:
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
