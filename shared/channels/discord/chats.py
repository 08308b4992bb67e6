"""Where something was said, by whom, and with what files."""

from __future__ import annotations

from dataclasses import dataclass

from shared.channels.discord.objects import File, Member, User
from shared.domain.inbound import Sender
from shared.domain.messages import Attachment, MessageKind

_KINDS = {"image": MessageKind.IMAGE, "video": MessageKind.VIDEO, "audio": MessageKind.AUDIO}


@dataclass(frozen=True, slots=True)
class Chat:
    """Direct messages are one chat with a person; in a channel each person has a chat of their own."""

    chat_key: str
    address: str
    is_thread: bool


def chat_of(channel_id: str, person: User, *, direct: bool) -> Chat:
    if direct:
        return Chat(person.id, channel_id, is_thread=False)
    return Chat(f"{channel_id}:{person.id}", channel_id, is_thread=True)


def sender(person: User, member: Member | None) -> Sender:
    """The person under their name in this server, else everywhere."""
    name = (member.nick if member else None) or person.global_name or person.username
    return Sender(external_user_id=person.id, keys=(person.id,), name=name, username=person.username)


def attachment(file: File) -> Attachment:
    """The file by the address that Discord gave, which is good for about a day."""
    return Attachment(
        type=_KINDS.get((file.content_type or "").partition("/")[0], MessageKind.DOCUMENT),
        url=file.url,
        mime_type=file.content_type,
        file_name=file.filename,
        size=file.size,
        extra={"attachment_id": file.id},
    )
