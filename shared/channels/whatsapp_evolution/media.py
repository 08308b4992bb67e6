"""Getting the files that people send on WhatsApp: only Evolution has the keys to decrypt them."""

from __future__ import annotations

import base64
import binascii

from shared.channel.media import MAX_MEDIA, Media
from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.wire import fields, text
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound, OutcomeUnknown, ProviderError, ProviderRejected

# Evolution fetches from WhatsApp first, and tries twice with 5 s between.
_TIMEOUT = 50.0
_MAX_ANSWER = MAX_MEDIA * 4 // 3 + 64 * 1024


def fetch_media(
    deps: Deps, instance: Instance, config: EvolutionConfig, message: Message, attachment: Attachment
) -> Media:
    """Have Evolution fetch and decrypt the message's file."""
    if not message.external_message_id:
        raise NotFound("this attachment has no file")
    request = {"message": {"key": {"id": message.external_message_id}}, "convertToMp4": False}
    action = "chat/getBase64FromMediaMessage"
    try:
        answer = api.call(deps, instance, config, "POST", action, json=request, timeout=_TIMEOUT, max_bytes=_MAX_ANSWER)
    except OutcomeUnknown as error:
        # Nothing was to be done but to read, so there is nothing unknown.
        raise ProviderError(api.PROVIDER, f"the file did not come: {error.reason}") from error
    if not answer.ok:
        raise api.failure(answer)
    body = fields(answer.json())
    return Media(
        content=_decoded(body.get("base64")), mime_type=text(body.get("mimetype")), file_name=text(body.get("fileName"))
    )


def _decoded(value: object) -> bytes:
    try:
        content = base64.b64decode(str(value or ""), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise ProviderRejected(api.PROVIDER, "Evolution answered without a file")
    return content
