"""Keeping contents of files and counting who refers to them, so that each is deleted with its last copy.

A content's document is marked before its bytes are deleted, and deleted after them. Who wants to refer to a content
that is marked waits until it has gone. Who comes afterwards sees whether the bytes that they wrote before were deleted
meanwhile, and writes them again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from shared.channel import MEGABYTE
from shared.deps import Deps
from shared.documents import Increment, ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.files import StoredContent
from shared.errors import NotConfigured, Overloaded, PayloadTooLarge, Unprocessable
from shared.ports.files import FileContent, Files

CLEANED_EVERY = timedelta(hours=1)
_DELETED_WITHIN = 2.0
"""Seconds after which a content that is being deleted has probably gone."""


class Refer(Protocol):
    """Writes down who refers to the content; False when nobody does."""

    def __call__(self, unit: UnitOfWork, content: FileContent) -> bool: ...


def keep(deps: Deps, tenant_id: str, content: bytes, refer: Refer) -> None:
    """Keep a content for a tenant, together with who refers to it.

    Raises `PayloadTooLarge` beyond the tenant's share or the largest file, and `Overloaded` while the same content is
    being deleted.
    """
    files = files_of(deps)
    usage = UnitOfWork(deps.store).file_usage.get(tenant_id)
    if usage is not None and usage.size >= deps.settings.files_per_tenant_mb * MEGABYTE:
        raise PayloadTooLarge("the files of this business take up all of FILES_PER_TENANT_MB")
    stored = files.put(tenant_id, [content], deps.settings.file_limit_mb * MEGABYTE)
    is_cleaned = usage is not None and usage.clean_at is not None

    def attempt(unit: UnitOfWork) -> tuple[bool, bool]:
        is_referred = refer(unit, stored)
        is_new = is_referred and _count(unit, tenant_id, stored)
        if is_new and not is_cleaned:
            unit.file_usage.patch(tenant_id, clean_at=deps.now() + CLEANED_EVERY)
        return is_referred, is_new

    is_referred, is_new = run_with_retry(deps, attempt)
    if not is_referred:
        _delete_unreferred(deps, tenant_id, stored)
    if is_new and not files.exists(tenant_id, stored.sha256):  # it was deleted between the two
        files.put(tenant_id, [content], deps.settings.file_limit_mb * MEGABYTE)


def _delete_unreferred(deps: Deps, tenant_id: str, content: FileContent) -> None:
    """Delete a content to which nobody refers: whoever wanted it was erased meanwhile."""
    content_id = ids.stored_content(tenant_id, content.sha256)
    if UnitOfWork(deps.store).stored_contents.owned_or_none(tenant_id, content_id) is None:
        files_of(deps).delete(tenant_id, content.sha256)


def _count(unit: UnitOfWork, tenant_id: str, content: FileContent) -> bool:
    """Count one more that refers to it; whether it is the first."""
    content_id = ids.stored_content(tenant_id, content.sha256)
    stored = unit.stored_contents.owned_or_none(tenant_id, content_id)
    if stored is None:
        unit.stored_contents.add(
            StoredContent(id=content_id, tenant_id=tenant_id, sha256=content.sha256, size=content.size)
        )
        unit.file_usage.patch(tenant_id, size=Increment(content.size))
        return True
    if stored.deleting_since is not None:
        raise Overloaded("the same file is being deleted at this moment: try again", _DELETED_WITHIN)
    stored.references += 1
    return False


def refer_again(unit: UnitOfWork, tenant_id: str, sha256: str) -> None:
    """Count one more that refers to a content that is kept already; raises `Unprocessable` when it is not."""
    stored = unit.stored_contents.owned_or_none(tenant_id, ids.stored_content(tenant_id, sha256))
    if stored is None or stored.deleting_since is not None:
        raise Unprocessable("the file is no longer kept: upload it again")
    stored.references += 1


def release(deps: Deps, unit: UnitOfWork, tenant_id: str, sha256: str) -> Callable[[], None]:
    """Count one less that refers to a content; what is to be done after the commit.

    With the last one it is marked, so that whoever comes at the same time does not take it for kept.
    """
    stored = unit.stored_contents.owned_or_none(tenant_id, ids.stored_content(tenant_id, sha256))
    if stored is None:
        return lambda: None
    stored.references -= 1
    if stored.references > 0:
        return lambda: None
    stored.deleting_since = deps.now()
    return lambda: delete(deps, stored)


def delete(deps: Deps, content: StoredContent) -> None:
    """Delete a content that is marked: its bytes, then its document."""
    files_of(deps).delete(content.tenant_id, content.sha256)

    def attempt(unit: UnitOfWork) -> None:
        stored = unit.stored_contents.owned_or_none(content.tenant_id, content.id)
        if stored is not None and stored.deleting_since is not None:
            unit.stored_contents.remove(stored.id)
            unit.file_usage.patch(stored.tenant_id, size=Increment(-stored.size))

    run_with_retry(deps, attempt)


def files_of(deps: Deps) -> Files:
    """Where contents are kept; raises `NotConfigured` where there is no such place."""
    if deps.files is None:
        raise NotConfigured("the hub", "no place for files is set: FILES_BUCKET")
    return deps.files
