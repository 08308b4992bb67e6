"""What is sent, as requests of Telegram's API (https://core.telegram.org/method/messages.sendMessage and -Media)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from shared.channelkit.entities import Entity
from shared.channels.telegram_user.gateway import Post, Posted
from shared.domain.messages import MessageKind

_ENTITIES = {
    "bold": types.MessageEntityBold,
    "italic": types.MessageEntityItalic,
    "strike": types.MessageEntityStrike,
    "code": types.MessageEntityCode,
}


def request_for(post: Post, peer: Any, *, reply: bool = True) -> Any:
    """`random_id` is what Telegram knows a repetition by."""
    if post.form == "reaction":
        chosen = [types.ReactionEmoji(emoticon=post.text)] if post.text else []
        return functions.messages.SendReactionRequest(peer=peer, msg_id=post.reply_to, reaction=chosen)
    if post.form == "edit":
        return functions.messages.EditMessageRequest(
            peer=peer, id=post.reply_to, message=post.text, entities=_entities(post)
        )
    if post.form in ("deletion", "read"):
        return _deletion(post, peer) if post.form == "deletion" else _mark(post, peer)
    answered = types.InputReplyToMessage(post.reply_to) if reply and post.reply_to else None
    if post.form == "text":
        return functions.messages.SendMessageRequest(
            peer=peer, message=post.text, entities=_entities(post), reply_to=answered, random_id=post.nonce
        )
    return functions.messages.SendMediaRequest(
        peer=peer,
        media=_media(post),
        message=post.text,
        entities=_entities(post),
        reply_to=answered,
        random_id=post.nonce,
    )


def _deletion(post: Post, peer: Any) -> Any:
    """For everybody; supergroups have numbers of their own."""
    if isinstance(peer, types.InputPeerChannel):
        return functions.channels.DeleteMessagesRequest(channel=peer, id=[post.reply_to])
    return functions.messages.DeleteMessagesRequest(id=[post.reply_to], revoke=True)


def _mark(post: Post, peer: Any) -> Any:
    if isinstance(peer, types.InputPeerChannel):
        return functions.channels.ReadHistoryRequest(channel=peer, max_id=post.reply_to)
    return functions.messages.ReadHistoryRequest(peer=peer, max_id=post.reply_to)


def _entities(post: Post) -> list[Any] | None:
    """How the text looks (https://core.telegram.org/type/MessageEntity)."""
    return [_entity(look) for look in post.entities] or None


def _entity(look: Entity) -> Any:
    if look.style == "link":
        return types.MessageEntityTextUrl(look.offset, look.length, url=look.value or "")
    if look.style == "pre":
        return types.MessageEntityPre(look.offset, look.length, language=look.value or "")
    return _ENTITIES[look.style](look.offset, look.length)


def _media(post: Post) -> Any:
    """A file is always an address that Telegram fetches from: telethon's own way would also read files of ours."""
    if post.form == "file":
        picture = post.kind is MessageKind.IMAGE
        form = types.InputMediaPhotoExternal if picture else types.InputMediaDocumentExternal
        return form(url=post.url)
    point = types.InputGeoPoint(lat=post.latitude, long=post.longitude)
    if post.title and post.address:
        return types.InputMediaVenue(point, post.title, post.address, provider="", venue_id="", venue_type="")
    return types.InputMediaGeoPoint(point)


def posted(result: Any, post: Post, chat: int) -> Posted:
    """The number that the message got; a short answer holds it itself, a long one beside our `random_id`."""
    if isinstance(result, types.UpdateShortSentMessage):
        return Posted(number=result.id, chat=chat)
    for update in getattr(result, "updates", []):
        if isinstance(update, types.UpdateMessageID) and update.random_id == post.nonce:
            return Posted(number=update.id, chat=chat)
    return Posted(number=None, chat=chat)
