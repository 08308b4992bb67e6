"""Getting the files that people send on WhatsApp: only Evolution has the keys to decrypt them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from shared.channel.media import MAX_MEDIA, Media
from shared.channelkit import jid
from shared.channelkit.whatsapp.wire import fields, text
from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Direction, Message, MessageKind
from shared.errors import NotFound, OutcomeUnknown, ProviderError, ProviderRejected
from shared.outgoing import Answer

# Evolution fetches from WhatsApp first, and tries twice with 5 s between.
_TIMEOUT = 50.0
_KINDS = {
    MessageKind.IMAGE: "imageMessage",
    MessageKind.VIDEO: "videoMessage",
    MessageKind.AUDIO: "audioMessage",
    MessageKind.DOCUMENT: "documentMessage",
    MessageKind.STICKER: "stickerMessage",
}
_MAX_ANSWER = MAX_MEDIA * 4 // 3 + 64 * 1024


def fetch_media(
    deps: Deps, instance: Instance, config: EvolutionConfig, message: Message, attachment: Attachment
) -> Media:
    """Have Evolution fetch and decrypt the message's file."""
    if not message.external_message_id:
        raise NotFound("this attachment has no file")
    by_id = {"key": {"id": message.external_message_id}}
    whole = _whole(message, attachment)
    answer = _requested(deps, instance, config, whole or by_id)
    if whole is not None and answer.status == 400:
        # Its own copy may have the file's newer address.
        answer = _requested(deps, instance, config, by_id)
    if not answer.ok:
        raise api.failure(answer)
    body = fields(answer.json())
    return Media(
        content=_decoded(body.get("base64")), mime_type=text(body.get("mimetype")), file_name=text(body.get("fileName"))
    )


def _requested(deps: Deps, instance: Instance, config: EvolutionConfig, message: Mapping[str, object]) -> Answer:
    request = {"message": message, "convertToMp4": False}
    action = "chat/getBase64FromMediaMessage"
    try:
        return api.call(deps, instance, config, "POST", action, json=request, timeout=_TIMEOUT, max_bytes=_MAX_ANSWER)
    except OutcomeUnknown as error:
        # Nothing was to be done but to read, so there is nothing unknown.
        raise ProviderError(api.PROVIDER, f"the file did not come: {error.reason}") from error


def _whole(message: Message, attachment: Attachment) -> dict[str, object] | None:
    """The message with its keys, as far as it is stored; an account that was paired again has no copy of its own."""
    extra = attachment.extra
    content = {
        "url": extra.get("encrypted_url"),
        "directPath": extra.get("direct_path"),
        "mediaKey": extra.get("media_key"),
        "mimetype": attachment.mime_type,
        "fileName": attachment.file_name,
        "fileLength": attachment.size,
        "fileSha256": extra.get("sha256"),
        "fileEncSha256": extra.get("encrypted_sha256"),
    }
    kind = _KINDS.get(attachment.type)
    if kind is None or not content["mediaKey"] or not (content["url"] or content["directPath"]):
        return None
    key = {"id": message.external_message_id, "fromMe": message.direction is Direction.OUTBOUND}
    if message.author_phone:
        key["remoteJid"] = jid.bare(message.author_phone)
    return {"key": key, "message": {kind: {name: value for name, value in content.items() if value is not None}}}


def _decoded(value: object) -> bytes:
    try:
        content = base64.b64decode(str(value or ""), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise ProviderRejected(api.PROVIDER, "Evolution answered without a file")
    return content
