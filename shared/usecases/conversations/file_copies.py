"""Which copies of its files a message has; `file_copying` makes them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import OutboundEvent, Topic
from shared.domain.files import BEING_CHECKED, NO_LONGER_KEPT, FileCopy, FileCopyState
from shared.domain.messages import Attachment, Message, is_file
from shared.errors import Unprocessable
from shared.usecases.conversations import kept_contents, scanning

_SWEEP_AFTER = timedelta(minutes=1)


def are_stored(deps: Deps) -> bool:
    """Whether this deployment keeps copies."""
    return deps.files is not None and deps.settings.files_per_tenant_mb > 0


def order(deps: Deps, unit: UnitOfWork, message: Message, former: Sequence[Attachment] = ()) -> None:
    """With the message's own commit, order copies of its files, without those of its `former` attachments."""
    if not are_stored(deps):
        return
    former_ids = {copy_id(message, number, attachment) for number, attachment in enumerate(former)}
    for number, attachment in enumerate(message.attachments):
        copy = new_copy(deps, message, number, attachment)
        if not is_file(attachment) or copy.id in former_ids or unit.file_copies.collided_with(copy.id) is not None:
            continue
        if attachment.sha256 is not None:
            _refer_to_upload(unit, message, number, copy)
            continue
        unit.file_copies.add(copy)
        if scanning.is_on(deps):
            _set_unavailable(message, number, BEING_CHECKED)
            _begin_at_once(deps, unit, copy)


def _refer_to_upload(unit: UnitOfWork, message: Message, number: int, copy: FileCopy) -> None:
    try:
        _keep_upload(unit, message.attachments[number], copy)
    except Unprocessable:
        _set_unavailable(message, number, NO_LONGER_KEPT)


def refer(deps: Deps, unit: UnitOfWork, message: Message) -> None:
    """With the commit of a message that is sent, keep its uploads for as long as its own files.

    Raises `Unprocessable` for one that is not kept any more.
    """
    for number, each in enumerate(message.attachments):
        if each.sha256 is not None:
            _keep_upload(unit, each, new_copy(deps, message, number, each))


def _keep_upload(unit: UnitOfWork, upload: Attachment, copy: FileCopy) -> None:
    assert upload.sha256 is not None  # noqa: S101 - of an upload
    kept_contents.refer_again(unit, copy.tenant_id, upload.sha256)
    copy.state, copy.due_at = FileCopyState.STORED, None
    copy.sha256, copy.size = upload.sha256, upload.size
    copy.mime_type, copy.file_name = upload.mime_type, upload.file_name
    unit.file_copies.add(copy)


def _begin_at_once(deps: Deps, unit: UnitOfWork, copy: FileCopy) -> None:
    """Have the file copied and checked right after the commit: nobody gets it before. The sweep does it otherwise."""
    copy.due_at = deps.now() + _SWEEP_AFTER
    event = OutboundEvent(tenant_id=copy.tenant_id, file_copy_id=copy.id)
    unit.after_commit(lambda: deps.bus.publish(Topic.OUTBOUND, event, key=copy.id))


def new_copy(deps: Deps, message: Message, number: int, attachment: Attachment) -> FileCopy:
    """The order of a copy, due at once; due never where copies are not kept."""
    now = deps.now()
    return FileCopy(
        id=copy_id(message, number, attachment),
        tenant_id=message.tenant_id,
        message_id=message.id,
        number=number,
        due_at=now if are_stored(deps) else None,
        link_key=secrets.token_hex(32),
        created_at=now,
    )


def set_unavailable(unit: UnitOfWork, copy: FileCopy, reason: str | None) -> None:
    """Have the copy's message say why nobody gets the file, or with None that it can be had."""
    message = unit.messages.owned_or_none(copy.tenant_id, copy.message_id) if copy.message_id else None
    if message is None or copy.number >= len(message.attachments):
        return
    attachment = message.attachments[copy.number]
    if attachment.unavailable != reason and copy_id(message, copy.number, attachment) == copy.id:
        _set_unavailable(message, copy.number, reason)


def _set_unavailable(message: Message, number: int, reason: str | None) -> None:
    changed = message.attachments[number].model_copy(update={"unavailable": reason})
    message.attachments = [*message.attachments[:number], changed, *message.attachments[number + 1 :]]


def copy_id(message: Message, number: int, attachment: Attachment) -> str:
    """The id of an attachment's copy: another one when an edit puts another file in its place."""
    return ids.file_copy(message.id, number, attachment.url, attachment.extra)
