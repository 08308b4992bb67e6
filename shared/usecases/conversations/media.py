"""Files of messages, fetched from their providers when somebody opens them, and cached for a day."""

from __future__ import annotations

import logging
from datetime import timedelta

from pydantic import BaseModel

from shared.channel.media import MAX_MEDIA, Media, MediaModule
from shared.channelkit.files import fetch_file
from shared.channels import ability
from shared.deps import Deps
from shared.documents.collection import of_tenant
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.messages import Attachment, Message, is_file
from shared.errors import NotFound, PayloadTooLarge, StoreError
from shared.ports.blobs import Blob
from shared.security.content_types import content_type
from shared.usecases.instances import instance_config, instance_lookup

log = logging.getLogger(__name__)

CACHED_FOR = timedelta(days=1)


def fetch(deps: Deps, tenant_id: str, media_id: str) -> Blob:
    """The content of an attachment, under a type that is safe to serve.

    Raises `NotFound` for an unknown or foreign one and for what has no file,
    `PayloadTooLarge`, or a `ProviderError`.
    """
    message, attachment = _attachment(deps, tenant_id, media_id)
    cached = _cached(deps, media_id)
    if cached is not None:
        return cached
    if (attachment.size or 0) > MAX_MEDIA:
        raise _too_large()
    media = _fetch(deps, message, attachment)
    if len(media.content) > MAX_MEDIA:
        raise _too_large()
    mime_type = content_type(attachment.mime_type or media.mime_type, media.content)
    blob = Blob(media.content, mime_type, attachment.file_name or media.file_name)
    _cache(deps, media_id, blob)
    return blob


def _attachment(deps: Deps, tenant_id: str, media_id: str) -> tuple[Message, Attachment]:
    message_id, _, number = media_id.rpartition("-")
    place = UnitOfWork(deps.store).message_places.get(message_id)
    message = of_tenant(tenant_id, place) if isinstance(place, Message) else None
    if message is None or not _is_number(number):
        raise _missing()
    if int(number) >= len(message.attachments) or message.deleted_at is not None:
        raise _missing()
    attachment = message.attachments[int(number)]
    if not is_file(attachment):
        raise _missing()
    return message, attachment


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4 and str(int(text)) == text


def _fetch(deps: Deps, message: Message, attachment: Attachment) -> Media:
    instance = instance_lookup.by_id(deps, message.tenant_id, message.instance_id)
    if attachment.url:
        return fetch_file(deps, instance.adapter, attachment.url)
    module = ability(instance.adapter, MediaModule[BaseModel])
    if module is None:
        raise NotFound("this channel's files cannot be fetched")
    return module.fetch_media(deps, instance, instance_config.load_config(deps, instance), message, attachment)


def _cached(deps: Deps, key: str) -> Blob | None:
    try:
        return deps.blobs.get(key)
    except StoreError as error:
        log.warning("a file is fetched again: %s", error.detail)
        return None


def _cache(deps: Deps, key: str, blob: Blob) -> None:
    try:
        deps.blobs.put(key, blob, CACHED_FOR)
    except StoreError as error:
        log.warning("a file is not cached: %s", error.detail)


def _missing() -> NotFound:
    return NotFound("there is no such file")


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"the file has more than {MAX_MEDIA // 1024 // 1024} MB")
