"""Addresses of files that the hub holds, for providers that fetch what they are to send."""

from __future__ import annotations

from datetime import timedelta

from shared.channels import channel
from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import Attachment
from shared.domain.outbox import OutboxItem, OutboxPayload
from shared.errors import BadRequest, NotFound
from shared.usecases.conversations import media

_LINK_SECONDS = int(timedelta(days=7).total_seconds())
"""For as long as a link may last: customers may open it where it went out as a link."""


def payload_of(deps: Deps, instance: Instance, item: OutboxItem) -> OutboxPayload:
    """What is to be sent, with links to the hub's own files where the channel cannot hand over their content.

    A change sends no file again. Raises `BadRequest` where nobody outside can reach this hub, and `NotFound` for a file
    that is not there any more.
    """
    attachments = item.payload.attachments
    has_uploads = any(each.sha256 is not None for each in attachments)
    if item.is_change or not has_uploads or channel(instance.adapter).capabilities.uploads:
        return item.payload
    if deps.settings.public_url is None:
        raise BadRequest("this channel's provider fetches files from an address of the hub: set PUBLIC_URL")
    linked = [_linked(deps, item, number, attachment) for number, attachment in enumerate(attachments)]
    return item.payload.model_copy(update={"attachments": linked})


def _linked(deps: Deps, item: OutboxItem, number: int, attachment: Attachment) -> Attachment:
    if attachment.sha256 is None:
        return attachment
    copy_id = ids.file_copy(item.id, number, attachment.url, attachment.extra)
    copy = UnitOfWork(deps.store).file_copies.owned_or_none(item.tenant_id, copy_id)
    if copy is None:
        raise NotFound("the file is no longer kept")
    link = media.link_to(deps, f"{item.id}-{number}", copy, _LINK_SECONDS)
    return attachment.model_copy(update={"url": link.url(deps.settings.public_url or "")})
