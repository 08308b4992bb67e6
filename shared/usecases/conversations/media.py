"""Files of messages: the hub's own copy, else what their provider gives, cached for a day."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from pydantic import BaseModel

from shared.channel.media import MAX_MEDIA, Media, MediaModule
from shared.channelkit.files import fetch_file
from shared.channels import ability
from shared.deps import Deps
from shared.documents.collection import of_tenant
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.files import BEING_CHECKED, NO_LONGER_KEPT, OPEN, FileCopy, FileCopyState
from shared.domain.messages import Attachment, Message, is_file
from shared.errors import Collision, NotFound, PayloadTooLarge, StoreError, Unauthorized
from shared.outgoing import concurrency
from shared.ports.blobs import Blob
from shared.security.content_types import UNKNOWN, content_type
from shared.usecases.conversations import file_copies, scanning, uploads
from shared.usecases.instances import instance_config, instance_lookup

log = logging.getLogger(__name__)

CACHED_FOR = timedelta(days=1)
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Link:
    """What opens one file to anybody until `expires` (seconds since 1970)."""

    media_id: str
    copy: FileCopy
    expires: int
    signature: str

    def url(self, base: str) -> str:
        """Where the file is, at a hub with this address."""
        url = f"{base}/media/{quote(self.media_id, safe='')}/content"
        return f"{url}?copy={self.copy.id}&expires={self.expires}&signature={self.signature}"


def fetch(deps: Deps, tenant_id: str, media_id: str) -> Blob:
    """The content of an attachment, under a type that is safe to serve.

    Raises `NotFound` for an unknown or foreign one and for what has no file,
    `PayloadTooLarge`, or a `ProviderError`.
    """
    if _is_upload(media_id):
        return _uploaded(deps, uploads.read(deps, tenant_id, media_id))
    message, number = _message_and_number(deps, tenant_id, media_id)
    return _content(deps, message, number, _copy(deps, message, number))


def link(deps: Deps, tenant_id: str, media_id: str, seconds: int) -> Link:
    """A link at which anybody gets the file until its time is over; raises `NotFound` as `fetch` does."""
    if _is_upload(media_id):
        copy = uploads.read(deps, tenant_id, media_id)
    else:
        message, number = _message_and_number(deps, tenant_id, media_id)
        copy = run_with_retry(deps, lambda unit: _copy_or_order(deps, unit, message, number))
    return link_to(deps, media_id, copy, seconds)


def link_to(deps: Deps, media_id: str, copy: FileCopy, seconds: int) -> Link:
    """A link to a copy that was read already."""
    return _link_until(media_id, copy, int(deps.now().timestamp()) + seconds)


def daily_links(deps: Deps, messages: Iterable[Message]) -> dict[str, Link]:
    """Links to the uploads that were sent with messages, by media id: the same ones all day, for who polls."""
    places = {
        file_copies.copy_id(message, number, attachment): f"{message.id}-{number}"
        for message in messages
        for number, attachment in enumerate(message.attachments)
        if attachment.sha256 is not None and attachment.unavailable is None
    }
    expires = (int(deps.now().timestamp()) // _DAY + 2) * _DAY
    copies = UnitOfWork(deps.store).file_copies.in_units(places) if places else []
    links = [_link_until(places[copy.id], copy.read(), expires) for copy in copies if copy.is_readable]
    return {link.media_id: link for link in links}


def _link_until(media_id: str, copy: FileCopy, expires: int) -> Link:
    return Link(media_id=media_id, copy=copy, expires=expires, signature=_signature(copy, expires))


def fetch_by_link(deps: Deps, media_id: str, copy_id: str, expires: int, signature: str) -> Blob:
    """As `fetch`, for whoever has a link; raises `Unauthorized` for one that is wrong or whose time is over.

    Only the key of the copy that the link names is read before the signature is checked.
    """
    refused = Unauthorized("This link is not valid, or its time is over")
    if expires <= deps.now().timestamp():
        raise refused
    copy = UnitOfWork(deps.store).file_copies.of_any_tenant(copy_id)
    if copy is None or not hmac.compare_digest(signature.encode(), _signature(copy, expires).encode()):
        raise refused
    if copy.message_id is None:
        if media_id != copy.id:
            raise refused
        return _uploaded(deps, copy)
    try:
        message, number = _message_and_number(deps, copy.tenant_id, media_id)
    except NotFound:
        raise refused from None
    if file_copies.copy_id(message, number, message.attachments[number]) != copy.id:
        raise refused
    concurrency.set_tenant(message.tenant_id)
    return _content(deps, message, number, copy)


def _signature(copy: FileCopy, expires: int) -> str:
    return hmac.new(bytes.fromhex(copy.link_key), f"{copy.id}:{expires}".encode(), "sha256").hexdigest()


def _copy(deps: Deps, message: Message, number: int) -> FileCopy | None:
    copy_id = file_copies.copy_id(message, number, message.attachments[number])
    return UnitOfWork(deps.store).file_copies.owned_or_none(message.tenant_id, copy_id)


def _copy_or_order(deps: Deps, unit: UnitOfWork, message: Message, number: int) -> FileCopy:
    """The attachment's copy; a message that is older than copies, or our own, has none yet."""
    order = file_copies.new_copy(deps, message, number, message.attachments[number])
    copy = unit.file_copies.owned_or_none(message.tenant_id, order.id)
    return copy if copy is not None else unit.file_copies.add(order)


def _content(deps: Deps, message: Message, number: int, copy: FileCopy | None) -> Blob:
    """The copy, else what the provider gives, unless the scanner has to see it before."""
    reason = message.attachments[number].unavailable
    if reason is None and scanning.is_on(deps):
        copy = copy or run_with_retry(deps, lambda unit: _copy_or_order(deps, unit, message, number))
        reason = _why_unchecked(copy)
    if reason == BEING_CHECKED:
        raise Collision("this file is being checked: ask again in some minutes")
    if reason is not None:
        raise NotFound(f"this file is not available: it is {reason}")
    stored = _stored(deps, copy) if copy is not None else None
    if stored is None and scanning.is_on(deps):
        raise NotFound("this file is not available: the hub no longer has what was checked")
    return stored if stored is not None else _fetched(deps, message, number)


def _is_upload(media_id: str) -> bool:
    """Whether the id is that of an upload; an attachment's has the message's id and a number."""
    return "-" not in media_id


def _uploaded(deps: Deps, copy: FileCopy) -> Blob:
    if copy.state is FileCopyState.CHECKING:
        raise Collision("this file is being checked: ask again in some minutes")
    stored = _stored(deps, copy)
    if stored is None or copy.state is not FileCopyState.STORED:
        reason = NO_LONGER_KEPT if copy.state is FileCopyState.EXPIRED else copy.error or copy.state.value
        raise NotFound(f"this file is not available: it is {reason}")
    return stored


def _why_unchecked(copy: FileCopy) -> str | None:
    if copy.state is FileCopyState.STORED:
        return None
    return BEING_CHECKED if copy.state in OPEN else f"{copy.state}: {copy.error}"


def _stored(deps: Deps, copy: FileCopy) -> Blob | None:
    if deps.files is None or copy.sha256 is None:
        return None
    try:
        file = deps.files.open(copy.tenant_id, copy.sha256)
        if file is None:
            log.error("the copy of a file is not there", extra={"file_copy_id": copy.id})
            return None
        with file:
            return Blob(file.read(), copy.mime_type or UNKNOWN, copy.file_name)
    except (StoreError, OSError) as error:
        log.warning("a file is fetched although there is a copy", extra={"file_copy_id": copy.id, "reason": str(error)})
        return None


def _fetched(deps: Deps, message: Message, number: int) -> Blob:
    attachment = message.attachments[number]
    key = file_copies.copy_id(message, number, attachment)  # another one for the file that an edit puts there
    cached = _cached(deps, key)
    if cached is not None:
        return cached
    if (attachment.size or 0) > MAX_MEDIA:
        raise _too_large()
    media = fetch_from_provider(deps, message, attachment)
    if len(media.content) > MAX_MEDIA:
        raise _too_large()
    mime_type = content_type(attachment.mime_type or media.mime_type, media.content)
    blob = Blob(media.content, mime_type, attachment.file_name or media.file_name)
    _cache(deps, key, blob)
    return blob


def _message_and_number(deps: Deps, tenant_id: str, media_id: str) -> tuple[Message, int]:
    """The message, and where in it the file is."""
    message_id, _, number = media_id.rpartition("-")
    record = UnitOfWork(deps.store).message_records.get(message_id)
    message = of_tenant(tenant_id, record if isinstance(record, Message) else None)
    if message is None or not _is_number(number):
        raise _missing()
    if int(number) >= len(message.attachments) or message.deleted_at is not None:
        raise _missing()
    if not is_file(message.attachments[int(number)]):
        raise _missing()
    return message, int(number)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4 and str(int(text)) == text


def fetch_from_provider(deps: Deps, message: Message, attachment: Attachment) -> Media:
    """An attachment's content as its source gives it; raises `NotFound`, or a `ProviderError`."""
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
