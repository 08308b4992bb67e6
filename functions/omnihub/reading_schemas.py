"""The forms in which later Omni servers list chats and contacts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.omnihub.channel_list_schemas import PartialError
from functions.omnihub.schemas import Word
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.customers import Identity
from shared.domain.instances import ChannelType, Instance
from shared.http.any_case import ANY_CASE
from shared.http.times import WholeSeconds
from shared.usecases.overview.chats import NumberedPage

ChatType = Literal["direct", "group", "channel", "thread"]
Presence = Literal["online", "offline", "away", "dnd", "unknown"]


class PageQuery(BaseModel):
    page: int = Field(default=1, ge=1, le=10_000)
    page_size: int = Field(default=50, ge=1, le=500)
    channel_type: Word | None = None


class ChatsQuery(PageQuery):
    chat_type_filter: Annotated[ChatType | None, ANY_CASE] = None
    archived: bool | None = None


class ContactsQuery(PageQuery):
    search_query: Annotated[str, Field(max_length=256)] | None = None
    status_filter: Annotated[Presence | None, ANY_CASE] = None


class ChatPath(BaseModel):
    instance_name: str
    chat_id: str


class ContactPath(BaseModel):
    instance_name: str
    contact_id: str


class ChatOut(BaseModel):
    """A conversation; one that is closed counts as archived. What the hub does not know is null."""

    id: str
    name: str
    chat_type: ChatType
    channel_type: ChannelType
    instance_name: str
    participant_count: None = None
    is_muted: Literal[False] = False
    is_archived: bool
    is_pinned: Literal[False] = False
    description: str | None
    avatar_url: None = None
    unread_count: None = None
    channel_data: dict[str, str] = Field(description="Among others the `address`, to which one can send.")
    created_at: WholeSeconds
    last_message_at: WholeSeconds

    @classmethod
    def of(cls, instance: Instance, conversation: Conversation) -> ChatOut:
        address, phone = conversation.external_conversation_id, conversation.phone_number
        data = {"address": address, "phone_number": phone, "customer_id": conversation.customer_id}
        return cls(
            id=conversation.id,
            name=conversation.customer_name or phone or address,
            chat_type="group" if conversation.is_group else "direct",
            channel_type=instance.type,
            instance_name=instance.name,
            is_archived=conversation.status is ConversationStatus.CLOSED,
            description=conversation.summary,
            channel_data={name: value for name, value in data.items() if value},
            created_at=conversation.created_at,
            last_message_at=conversation.last_message_at,
        )


class ContactOut(BaseModel):
    """Somebody whose address the instance knows; the `id` is that address, to which one can send."""

    id: str
    name: str
    channel_type: ChannelType
    instance_name: str
    avatar_url: None = None
    status: Literal["unknown"] = "unknown"
    is_verified: None = None
    is_business: None = None
    channel_data: dict[str, str]
    created_at: WholeSeconds
    last_seen: WholeSeconds | None

    @classmethod
    def of(cls, instance: Instance, identity: Identity) -> ContactOut:
        data = {"phone_number": identity.phone, "push_name": identity.name, "customer_id": identity.customer_id}
        return cls(
            id=identity.external_user_id,
            name=identity.shown_name or identity.phone or identity.external_user_id,
            channel_type=instance.type,
            instance_name=instance.name,
            channel_data={name: value for name, value in data.items() if value},
            created_at=identity.created_at,
            last_seen=identity.last_inbound_at,
        )


class NumberedPageOut(BaseModel):
    total_count: int
    page: int
    page_size: int
    has_more: bool
    instance_name: str
    channel_type: ChannelType
    partial_errors: list[PartialError]


class ChatsOut(NumberedPageOut):
    chats: list[ChatOut]

    @classmethod
    def of(cls, instance: Instance, query: ChatsQuery, page: NumberedPage[Conversation]) -> ChatsOut:
        chats = [ChatOut.of(instance, conversation) for conversation in page.items]
        return cls(chats=chats, **_numbers(instance, query, page.total, page.has_more))


class ContactsOut(NumberedPageOut):
    contacts: list[ContactOut]

    @classmethod
    def of(cls, instance: Instance, query: ContactsQuery, page: NumberedPage[Identity]) -> ContactsOut:
        contacts = [ContactOut.of(instance, identity) for identity in page.items]
        return cls(contacts=contacts, **_numbers(instance, query, page.total, page.has_more))


def _numbers(instance: Instance, query: PageQuery, total: int, has_more: bool) -> dict[str, object]:
    return {
        "total_count": total,
        "page": query.page,
        "page_size": query.page_size,
        "has_more": has_more,
        "instance_name": instance.name,
        "channel_type": instance.type,
        "partial_errors": [],
    }
