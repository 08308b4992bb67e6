"""The part of Telegram's updates that is read (https://core.telegram.org/bots/api#update); the rest is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field


def _unix_time(value: object) -> object:
    """Telegram's dates are whole seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("give a time in seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("the time is out of range") from None


Time = Annotated[datetime, BeforeValidator(_unix_time)]


class User(BaseModel):
    id: int
    first_name: str = ""
    last_name: str | None = None
    username: str | None = None
    is_bot: bool = False

    @property
    def full_name(self) -> str | None:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


class Chat(BaseModel):
    id: int
    type: str = "private"
    title: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None

    @property
    def name(self) -> str | None:
        return self.title or " ".join(part for part in (self.first_name, self.last_name) if part) or None


class File(BaseModel):
    """Photo sizes, videos, voices, documents and stickers all describe their file in these words."""

    file_id: str
    file_unique_id: str
    file_size: int | None = None
    file_name: str | None = None
    mime_type: str | None = None
    width: int | None = None
    height: int | None = None
    duration: int | None = None
    emoji: str | None = None
    set_name: str | None = None
    is_animated: bool | None = None
    is_video: bool | None = None


class Location(BaseModel):
    latitude: float
    longitude: float


class Venue(BaseModel):
    location: Location
    title: str
    address: str


class Contact(BaseModel):
    phone_number: str
    first_name: str
    last_name: str | None = None
    user_id: int | None = None
    vcard: str | None = None


class PollOption(BaseModel):
    text: str


class Poll(BaseModel):
    id: str
    question: str
    options: list[PollOption] = []


class Dice(BaseModel):
    emoji: str
    value: int


class Entity(BaseModel):
    """`offset` and `length` count UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str | None = None
    user: User | None = None


class MessageId(BaseModel):
    message_id: int


class Topic(BaseModel):
    """One customer's chat with a channel, in the channel's chat for direct messages."""

    topic_id: int
    user: User | None = None


class ForwardOrigin(BaseModel):
    """Who wrote a forwarded message: a person who may be hidden, a chat, or a channel."""

    sender_user: User | None = None
    sender_user_name: str | None = None
    sender_chat: Chat | None = None
    chat: Chat | None = None

    @property
    def name(self) -> str | None:
        chat_of_origin = self.sender_chat or self.chat
        if chat_of_origin is not None:
            return chat_of_origin.name
        return self.sender_user.full_name if self.sender_user else self.sender_user_name


class Quote(BaseModel):
    text: str


class Story(BaseModel):
    chat: Chat


class WebAppData(BaseModel):
    button_text: str
    data: str


class SuccessfulPayment(BaseModel):
    """`total_amount` is in the smallest unit of the currency."""

    currency: str
    total_amount: int
    invoice_payload: str


class Task(BaseModel):
    text: str


class Checklist(BaseModel):
    title: str
    tasks: list[Task] = []


class Message(BaseModel):
    message_id: int
    date: Time
    chat: Chat
    sender: User | None = Field(default=None, alias="from")
    sender_chat: Chat | None = None
    sender_business_bot: User | None = None
    business_connection_id: str | None = None
    message_thread_id: int | None = None
    media_group_id: str | None = None
    author_signature: str | None = None
    edit_date: Time | None = None
    direct_messages_topic: Topic | None = None
    is_automatic_forward: bool = False
    is_from_offline: bool = False
    forward_origin: ForwardOrigin | None = None
    quote: Quote | None = None
    reply_to_story: Story | None = None
    reply_to_message: MessageId | None = None
    migrate_to_chat_id: int | None = None
    migrate_from_chat_id: int | None = None
    text: str | None = None
    caption: str | None = None
    entities: list[Entity] = []
    caption_entities: list[Entity] = []
    photo: list[File] = []
    animation: File | None = None
    video: File | None = None
    video_note: File | None = None
    audio: File | None = None
    voice: File | None = None
    document: File | None = None
    sticker: File | None = None
    venue: Venue | None = None
    location: Location | None = None
    contact: Contact | None = None
    poll: Poll | None = None
    dice: Dice | None = None
    web_app_data: WebAppData | None = None
    successful_payment: SuccessfulPayment | None = None
    checklist: Checklist | None = None


class Button(BaseModel):
    text: str
    callback_data: str | None = None


class Keyboard(BaseModel):
    inline_keyboard: list[list[Button]] = []

    def title_of(self, data: str | None) -> str | None:
        """What is written on the button with this data."""
        buttons = (button for row in self.inline_keyboard for button in row)
        return next((button.text for button in buttons if button.callback_data == data), None)


class PressedMessage(BaseModel):
    """The message a button belongs to; of one that is too old only number and chat are known."""

    message_id: int
    chat: Chat
    business_connection_id: str | None = None
    reply_markup: Keyboard | None = None


class CallbackQuery(BaseModel):
    """`received_at` is added when the webhook comes in, for Telegram does not date a button press."""

    id: str
    sender: User = Field(alias="from")
    message: PressedMessage | None = None
    data: str | None = None
    game_short_name: str | None = None
    received_at: datetime


class ReactionType(BaseModel):
    type: str
    emoji: str | None = None
    custom_emoji_id: str | None = None


class MessageReaction(BaseModel):
    chat: Chat
    message_id: int
    user: User | None = None
    actor_chat: Chat | None = None
    date: Time
    new_reaction: list[ReactionType]


class DeletedBusinessMessages(BaseModel):
    business_connection_id: str
    chat: Chat
    message_ids: list[int]
