"""Files that the hub keeps: copies of those that messages bring, which outlive the providers' links."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

BEING_CHECKED = "being checked"
NO_LONGER_KEPT = "no longer kept"
"""Why a file cannot be had (`Attachment.unavailable`): the scanner has not seen it yet, or its time is over."""


class FileCopyState(StrEnum):
    """`FAILED` is for good: the provider no longer has the file, or it may not be kept. One that is `CHECKING` is kept,
    and not served before the scanner has seen it; of an `INFECTED` one nothing is kept. `EXPIRED` was kept until its
    tenant's time for files was over.
    """

    PENDING = "pending"
    CHECKING = "checking"
    STORED = "stored"
    FAILED = "failed"
    INFECTED = "infected"
    EXPIRED = "expired"


OPEN = frozenset({FileCopyState.PENDING, FileCopyState.CHECKING})
"""What there is still to do something for."""


class FileCopy(BaseModel):
    """One attachment's copy: ordered with its message, made by a job, and tried again at `due_at` until it is settled.

    Without a `message_id` it is a file that a client has uploaded, to be attached to messages.
    `number` is the attachment's place in the message. `mime_type` is safe to serve, whatever the provider said.
    `error` tells why the last attempt failed. `link_key` signs the links to the file.
    """

    id: str
    tenant_id: str
    message_id: str | None = None
    number: int = 0
    state: FileCopyState = FileCopyState.PENDING
    sha256: str | None = None
    size: int | None = None
    mime_type: str | None = None
    file_name: str | None = None
    error: str | None = None
    attempts: int = 0
    due_at: datetime | None = None
    link_key: str
    created_at: datetime


class StoredContent(BaseModel):
    """A content that a tenant keeps once, however many of its copies there are (`references`).

    Since `deleting_since` nobody refers to it, and its bytes are being deleted: nobody may refer to it again before
    this document has gone, too.
    """

    id: str
    tenant_id: str
    sha256: str
    size: int
    references: int = 1
    deleting_since: datetime | None = None


class FileUsage(BaseModel):
    """How many bytes the stored contents of a tenant have together, and when to look next for those to delete."""

    size: int = 0
    clean_at: datetime | None = None
