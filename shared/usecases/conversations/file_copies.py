"""Which copies of its files a message has; `file_copying` makes them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.files import FileCopy
from shared.domain.messages import Attachment, Message, is_file


def are_stored(deps: Deps) -> bool:
    """Whether this deployment keeps copies."""
    return deps.files is not None and deps.settings.files_per_tenant_mb > 0


def order(deps: Deps, unit: UnitOfWork, message: Message, former: Sequence[Attachment] = ()) -> None:
    """With the message's own commit, order copies of its files, without those of its `former` attachments.

    For decisions that run with `retry_existing`.
    """
    if not are_stored(deps):
        return
    former_ids = {copy_id(message, number, attachment) for number, attachment in enumerate(former)}
    for number, attachment in enumerate(message.attachments):
        copy = new_copy(deps, message, number, attachment)
        if is_file(attachment) and copy.id not in former_ids and unit.file_copies.existing(copy.id) is None:
            unit.file_copies.add(copy)


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


def make_unavailable(unit: UnitOfWork, copy: FileCopy, reason: str) -> None:
    """Have the copy's message say why nobody gets the file."""
    message = unit.messages.owned_or_none(copy.tenant_id, copy.message_id)
    for number, attachment in enumerate(message.attachments if message is not None else []):
        if message is not None and copy_id(message, number, attachment) == copy.id:
            changed = attachment.model_copy(update={"unavailable": reason})
            message.attachments = [*message.attachments[:number], changed, *message.attachments[number + 1 :]]


def copy_id(message: Message, number: int, attachment: Attachment) -> str:
    """The id of an attachment's copy: another one when an edit puts another file in its place."""
    return ids.file_copy(message.id, number, attachment.url, attachment.extra)
