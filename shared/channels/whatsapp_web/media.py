"""Getting the files that people send: WhatsApp keeps them encrypted, and each message has the key of its own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from urllib.parse import urlsplit

from shared.channel.media import Media
from shared.channelkit.files import fetch_file
from shared.channels.whatsapp_web.config import WhatsAppWebConfig, WhatsAppWebSettings
from shared.channels.whatsapp_web.gateway import PROVIDER
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message, MessageKind
from shared.errors import NotFound, ProviderRejected

_PURPOSES = {
    MessageKind.IMAGE: b"WhatsApp Image Keys",
    MessageKind.STICKER: b"WhatsApp Image Keys",
    MessageKind.VIDEO: b"WhatsApp Video Keys",
    MessageKind.AUDIO: b"WhatsApp Audio Keys",
    MessageKind.DOCUMENT: b"WhatsApp Document Keys",
}
_MAC_BYTES = 10
_BLOCK_BYTES = 16


def fetch_media(
    deps: Deps, instance: Instance, config: WhatsAppWebConfig, message: Message, attachment: Attachment
) -> Media:
    """Fetch the file and decrypt it, with what its message said; no connection of the account is needed."""
    purpose, key = _PURPOSES.get(attachment.type), attachment.extra.get("media_key")
    path = attachment.extra.get("direct_path") or _path_of(attachment.extra.get("encrypted_url"))
    if purpose is None or not isinstance(key, str) or not isinstance(path, str):
        raise NotFound("this attachment has no file")
    decoded_key = _decoded(key)
    base = deps.settings.of(WhatsAppWebSettings).whatsapp_media_url.rstrip("/")
    # The operator chose the address; only the path is the customer's.
    encrypted = fetch_file(deps, PROVIDER, f"{base}/{path.lstrip('/')}", guarded=False)
    content = _decrypted(encrypted.content, decoded_key, purpose)
    return Media(content=content, mime_type=attachment.mime_type, file_name=attachment.file_name)


def _path_of(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.path else None


def _decoded(key: str) -> bytes:
    try:
        return base64.b64decode(key, validate=True)
    except binascii.Error:
        raise NotFound("this attachment has no valid key") from None


def _decrypted(encrypted: bytes, key: bytes, purpose: bytes) -> bytes:
    """WhatsApp's own form: AES-CBC, then ten bytes of an HMAC; the keys are made of the message's by HKDF."""
    from cryptography.hazmat.primitives import padding  # noqa: PLC0415 - costs cold start, and few requests need it
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    keys = HKDF(SHA256(), 112, salt=None, info=purpose).derive(key)
    start, cipher_key, mac_key = keys[:16], keys[16:48], keys[48:80]
    body, mac = encrypted[:-_MAC_BYTES], encrypted[-_MAC_BYTES:]
    is_whole = hmac.compare_digest(hmac.digest(mac_key, start + body, hashlib.sha256)[:_MAC_BYTES], mac)
    if not body or len(body) % _BLOCK_BYTES or not is_whole:
        raise ProviderRejected(PROVIDER, "the file is not the one that was sent")
    decryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(start)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(body) + decryptor.finalize()) + unpadder.finalize()
