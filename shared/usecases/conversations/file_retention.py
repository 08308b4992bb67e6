"""Deleting files whose time is over: each tenant's after as many days as it chose.

A tenant's `FileUsage` says when to look next, so that nothing is scanned: an hour after the last look, at once when the
tenant changes the time, and with the next sweep while there are more than one look deletes.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.files import NO_LONGER_KEPT, FileCopy, FileCopyState, FileUsage
from shared.errors import Conflict, StoreError
from shared.usecases.conversations import file_copies, kept_contents

log = logging.getLogger(__name__)

MOST_TENANTS = 100
MOST_OF_TENANT = 50
MOST = 300
"""Tenants that a sweep looks at; files of one and of all that it deletes, for it has to end within its minute."""

_MOST_UNFINISHED = 100
_UNFINISHED_AFTER = timedelta(minutes=10)
"""After which whoever was deleting a content has died."""


def delete_old(deps: Deps) -> int:
    """Delete files whose time is over, of the tenants that nobody has looked at for longest; returns how many."""
    if deps.files is None:
        return 0
    _finish_deletions(deps)
    query = UnitOfWork(deps.store).file_usage.query().where(lambda usage: usage.clean_at, "<=", deps.now())
    page = query.order_by(lambda usage: usage.clean_at).unit_page(MOST_TENANTS)
    count = 0
    for document in page.documents:
        if count < MOST and document.is_readable:
            count += _delete_of_tenant(deps, document)
    return count


def _delete_of_tenant(deps: Deps, document: DocumentUnit[FileUsage]) -> int:
    tenant_id, usage = document.id, document.read()
    usage.clean_at = deps.now() + kept_contents.CLEANED_EVERY
    try:
        document.unit.commit()  # the process that writes this looks
    except Conflict:
        return 0
    unit = UnitOfWork(deps.store)
    tenant = unit.tenants.get(tenant_id)
    days = (tenant.files_kept_days if tenant is not None else None) or deps.settings.files_kept_days
    query = unit.file_copies.query().where(lambda copy: copy.tenant_id, "==", tenant_id)
    query = query.where(lambda copy: copy.state, "==", FileCopyState.STORED)
    query = query.where(lambda copy: copy.created_at, "<=", deps.now() - timedelta(days=days))
    page = query.order_by(lambda copy: copy.created_at).unit_page(MOST_OF_TENANT)
    if page.cursor is not None:
        again = UnitOfWork(deps.store)
        again.file_usage.patch(tenant_id, clean_at=deps.now())
        again.commit()
    return sum(_expire(deps, copy) for copy in page.documents if copy.is_readable)


def _expire(deps: Deps, document: DocumentUnit[FileCopy]) -> bool:
    """Let go of a copy's content, and have its message say so; False when it was changed meanwhile."""
    unit, copy = document.unit, document.read()
    delete = kept_contents.release(deps, unit, copy.tenant_id, copy.sha256 or "")
    copy.state, copy.sha256 = FileCopyState.EXPIRED, None
    file_copies.set_unavailable(unit, copy, NO_LONGER_KEPT)
    try:
        unit.commit()
        delete()
    except Conflict:
        return False
    except StoreError as error:  # the next sweep finishes it
        log.warning("a file could not be deleted yet", extra={"file_copy_id": copy.id, "why": error.detail})
    return True


def _finish_deletions(deps: Deps) -> None:
    """Delete the contents that processes which died had marked."""
    query = UnitOfWork(deps.store).stored_contents.query()
    query = query.where(lambda content: content.deleting_since, "<=", deps.now() - _UNFINISHED_AFTER)
    for content in query.order_by(lambda content: content.deleting_since).page(_MOST_UNFINISHED).documents:
        kept_contents.delete(deps, content)
