"""Files that clients upload, to attach them to messages."""

from __future__ import annotations

import secrets

from shared.channel import MEGABYTE
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.files import FileCopy, FileCopyState
from shared.domain.ids import new_id
from shared.domain.messages import Attachment, MessageKind
from shared.errors import BadRequest, Collision, NotFound, PayloadTooLarge, ProviderUnavailable, Unprocessable
from shared.ports.files import FileContent
from shared.security.content_types import content_type, is_active
from shared.usecases.conversations import file_copies, kept_contents, scanning


def upload(deps: Deps, tenant_id: str, content: bytes, mime_type: str | None, file_name: str | None) -> FileCopy:
    """Keep a file for a tenant.

    Raises `BadRequest` for an empty one, `PayloadTooLarge`, and `Unprocessable` for a web page or a program, an
    infected file, and where the deployment keeps no files. One that the scanner could not check yet is `CHECKING`.
    """
    if not file_copies.are_stored(deps):
        raise Unprocessable("this deployment keeps no files: FILES_PER_TENANT_MB, FILES_BUCKET")
    if not content:
        raise BadRequest("the file is empty: send it as the body, or as the field `file` of a form")
    if len(content) > deps.settings.file_limit_mb * MEGABYTE:
        raise PayloadTooLarge(f"the file has more than {deps.settings.file_limit_mb} MB")
    if is_active(mime_type, content):
        raise Unprocessable("web pages and programs are not taken")
    state = _checked_state(deps, content, file_name)
    copy = FileCopy(
        id=new_id(),
        tenant_id=tenant_id,
        state=state,
        size=len(content),
        mime_type=content_type(mime_type, content),
        file_name=file_name,
        due_at=deps.now() if state is FileCopyState.CHECKING else None,
        link_key=secrets.token_hex(32),
        created_at=deps.now(),
    )

    def note(unit: UnitOfWork, content: FileContent) -> bool:
        copy.sha256 = content.sha256
        unit.file_copies.add(copy)
        return True

    kept_contents.keep(deps, tenant_id, content, note)
    return copy


def _checked_state(deps: Deps, content: bytes, file_name: str | None) -> FileCopyState:
    try:
        infection = scanning.infection(deps, content, file_name)
    except ProviderUnavailable:
        return FileCopyState.CHECKING
    if infection is not None:
        raise Unprocessable(f"the file is infected: {infection}")
    return FileCopyState.STORED


def read(deps: Deps, tenant_id: str, file_id: str) -> FileCopy:
    """A tenant's upload; raises `NotFound`."""
    copy = UnitOfWork(deps.store).file_copies.owned_or_none(tenant_id, file_id)
    if copy is None or copy.message_id is not None:
        raise NotFound("there is no such file")
    return copy


def attachment(deps: Deps, tenant_id: str, file_id: str, kind: MessageKind, file_name: str | None) -> Attachment:
    """An upload as an attachment.

    Raises `NotFound`, `Collision` while the file is being checked, and `Unprocessable` when it can no longer be sent.
    """
    copy = read(deps, tenant_id, file_id)
    if copy.state is FileCopyState.CHECKING:
        raise Collision("this file is being checked: send it in some minutes")
    if copy.state is not FileCopyState.STORED:
        raise Unprocessable(f"this file cannot be sent: it is {copy.state.value}")
    return Attachment(
        type=kind,
        sha256=copy.sha256,
        mime_type=copy.mime_type,
        file_name=file_name or copy.file_name,
        size=copy.size,
    )
