"""Copying the files of messages while their providers still have them.

The copy's document, not an event, says what is to be done. The sweep hands out what is due, and has it come again
later unless it is settled by then.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from shared.channel import MEGABYTE
from shared.channel.media import Media
from shared.deps import Deps
from shared.documents import ids
from shared.documents.query import DocumentUnit
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import OutboundEvent, Topic
from shared.domain.fair_turns import in_turns
from shared.domain.files import OPEN, FileCopy, FileCopyState
from shared.domain.messages import Attachment, Message
from shared.errors import (
    BadRequest,
    Conflict,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    ProviderError,
    ProviderUnavailable,
)
from shared.ports.files import FileContent
from shared.security.content_types import content_type
from shared.usecases.conversations import file_copies, kept_contents, media, scanning

log = logging.getLogger(__name__)

MAX_OF_TENANT = 50
"""Copies of one tenant that are handed out in a minute."""

MAX_ATTEMPTS = 10
"""After so many, some thirteen hours, a file is taken for lost."""

_PAGE = 500
_LEASE = timedelta(minutes=10)
"""After which a copy whose process has died is handed out again."""

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)
_CHECKED_AGAIN = timedelta(minutes=5)
"""While the scanner gives no verdict; nobody gets the file meanwhile."""


def hand_out_due(deps: Deps) -> int:
    """Put the copies that are due on the bus, tenant by tenant in turn; returns how many."""
    query = UnitOfWork(deps.store).file_copies.query().where(lambda copy: copy.due_at, "<=", deps.now())
    page = query.order_by(lambda copy: copy.due_at).unit_page(_PAGE)
    readable = [document for document in page.documents if document.is_readable]
    due = in_turns(readable, lambda document: document.read().tenant_id, MAX_OF_TENANT)
    due_ids = {document.id for document in due}
    for document in readable:
        if document.id not in due_ids:  # it would be found before other tenants' again and again
            _claim(deps, document, _FIRST_PAUSE)
    return sum(_hand_out(deps, document) for document in due)


def _hand_out(deps: Deps, document: DocumentUnit[FileCopy]) -> bool:
    copy = document.read()
    if copy.attempts >= MAX_ATTEMPTS and copy.state is FileCopyState.PENDING:
        _fail(deps, document.unit, copy, copy.error or "every process that tried has died")
    copy.attempts += 1
    if not _claim(deps, document, _LEASE):
        return False
    if copy.state in OPEN:
        event = OutboundEvent(tenant_id=copy.tenant_id, file_copy_id=copy.id)
        deps.bus.publish(Topic.OUTBOUND, event, key=copy.id)
    return True


def _claim(deps: Deps, document: DocumentUnit[FileCopy], pause: timedelta) -> bool:
    """Have the copy come again after the pause; False when somebody else has changed it."""
    copy = document.read()
    if copy.state in OPEN:
        copy.due_at = deps.now() + pause
    try:
        document.unit.commit()
    except Conflict:
        return False
    return True


def copy_file(deps: Deps, tenant_id: str, copy_id: str) -> None:
    """Copy a file and have it checked, unless that is done; where it fails, note why and when to try again."""
    unit = UnitOfWork(deps.store)
    copy = unit.file_copies.owned_or_none(tenant_id, copy_id)
    if copy is None or copy.state not in OPEN or deps.files is None:
        return
    try:
        if copy.state is FileCopyState.CHECKING:
            _check(deps, copy)
        else:
            _copy(deps, unit, copy)
    except (NotFound, PayloadTooLarge) as error:
        _settle_failure(deps, copy, error.detail, for_good=True)
    except (ProviderError, BadRequest, Overloaded) as error:
        for_good = copy.state is FileCopyState.PENDING and copy.attempts >= MAX_ATTEMPTS
        _settle_failure(deps, copy, error.detail, for_good=for_good)


def _copy(deps: Deps, unit: UnitOfWork, copy: FileCopy) -> None:
    """Keep the file; one that the scanner cannot see yet, too, for its provider may lose it meanwhile."""
    file, state = _file(deps, unit, copy), FileCopyState.STORED
    try:
        infection = scanning.infection(deps, file.content, file.file_name)
    except ProviderUnavailable as error:
        log.warning("a file is not checked yet", extra={"file_copy_id": copy.id, "reason": error.detail})
        infection, state = None, FileCopyState.CHECKING
    if infection is None:
        kept_contents.keep(deps, copy.tenant_id, file.content, partial(_refer, deps, copy, file, state))
    else:
        run_with_retry(deps, partial(_note_infection, deps, copy, infection))


def _check(deps: Deps, copy: FileCopy) -> None:
    """Have a file checked that is kept already."""
    file = kept_contents.files_of(deps).open(copy.tenant_id, copy.sha256 or "")
    if file is None:
        raise NotFound("the hub no longer has this file")
    with file:
        infection = scanning.infection(deps, file.read(), copy.file_name)

    def note(unit: UnitOfWork) -> None:
        checked = unit.file_copies.owned_or_none(copy.tenant_id, copy.id)
        if checked is not None and checked.state is FileCopyState.CHECKING:
            checked.state, checked.due_at, checked.error = FileCopyState.STORED, None, None
            file_copies.set_unavailable(unit, checked, None)

    run_with_retry(deps, note if infection is None else partial(_note_infection, deps, copy, infection))


def _note_infection(deps: Deps, order: FileCopy, infection: str, unit: UnitOfWork) -> None:
    """Keep nothing of an infected file but what is wrong with it."""
    copy = unit.file_copies.owned_or_none(order.tenant_id, order.id)
    if copy is None or copy.state not in OPEN:
        return
    log.warning("a file is infected", extra={"file_copy_id": copy.id, "reason": infection})
    if copy.sha256 is not None:
        unit.after_commit(kept_contents.release(deps, unit, copy.tenant_id, copy.sha256))
    copy.state, copy.sha256, copy.due_at, copy.error = FileCopyState.INFECTED, None, None, infection
    file_copies.set_unavailable(unit, copy, f"infected: {infection}")


def _file(deps: Deps, unit: UnitOfWork, copy: FileCopy) -> Media:
    """Fetch the file. Raises `NotFound` where nobody will ever have it, `PayloadTooLarge`, or a `ProviderError`."""
    message = unit.messages.owned_or_none(copy.tenant_id, copy.message_id) if copy.message_id else None
    attachment = _attachment(message, copy)
    if message is None or attachment is None:
        raise NotFound("the message no longer has this file")
    if (attachment.size or 0) > deps.settings.file_limit_mb * MEGABYTE:
        raise PayloadTooLarge(f"the file has more than {deps.settings.file_limit_mb} MB")
    file = media.fetch_from_provider(deps, message, attachment)
    mime_type = content_type(attachment.mime_type or file.mime_type, file.content)
    return Media(content=file.content, mime_type=mime_type, file_name=attachment.file_name or file.file_name)


def _attachment(message: Message | None, copy: FileCopy) -> Attachment | None:
    """The attachment, as long as neither a deletion nor an edit has taken it away."""
    if message is None or message.deleted_at is not None or copy.number >= len(message.attachments):
        return None
    attachment = message.attachments[copy.number]
    return attachment if file_copies.copy_id(message, copy.number, attachment) == copy.id else None


def _refer(
    deps: Deps, order: FileCopy, file: Media, state: FileCopyState, unit: UnitOfWork, content: FileContent
) -> bool:
    content_id = ids.stored_content(order.tenant_id, content.sha256)
    unit.fetch(unit.file_copies.key(order.id), unit.stored_contents.key(content_id))
    copy = unit.file_copies.owned_or_none(order.tenant_id, order.id)
    if copy is None or copy.state is not FileCopyState.PENDING:
        return False
    copy.state, copy.error = state, None
    copy.due_at = deps.now() + _CHECKED_AGAIN if state is FileCopyState.CHECKING else None
    if state is FileCopyState.STORED:
        file_copies.set_unavailable(unit, copy, None)
    copy.sha256, copy.size = content.sha256, content.size
    copy.mime_type, copy.file_name = file.mime_type, file.file_name
    return True


def _settle_failure(deps: Deps, order: FileCopy, reason: str, *, for_good: bool) -> None:
    log.warning("a file was not copied", extra={"file_copy_id": order.id, "reason": reason, "for_good": for_good})

    def settle(unit: UnitOfWork) -> None:
        copy = unit.file_copies.owned_or_none(order.tenant_id, order.id)
        if copy is None or copy.state not in OPEN:
            return
        if for_good:
            _fail(deps, unit, copy, reason)
        else:
            longest = _CHECKED_AGAIN if copy.state is FileCopyState.CHECKING else _LONGEST_PAUSE
            copy.error = reason
            copy.due_at = deps.now() + min(longest, _FIRST_PAUSE * 2 ** min(copy.attempts, 16))

    run_with_retry(deps, settle)


def _fail(deps: Deps, unit: UnitOfWork, copy: FileCopy, reason: str) -> None:
    copy.state, copy.due_at, copy.error = FileCopyState.FAILED, None, reason
    if scanning.is_on(deps):  # nobody gets what was not checked
        file_copies.set_unavailable(unit, copy, f"not checked: {reason}")
