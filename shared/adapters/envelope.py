"""A blob as one piece of bytes: a line of JSON that says what it is and until when, then the content."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from shared.ports.blobs import Blob


def name_of(key: str) -> str:
    """A name that any file system and any bucket takes."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def wrap(blob: Blob, until: datetime) -> bytes:
    head = {"mime_type": blob.mime_type, "file_name": blob.file_name, "until": until.timestamp()}
    return json.dumps(head).encode() + b"\n" + blob.content


def unwrap(data: bytes, now: datetime) -> Blob | None:
    """None when the blob's time is over, or when this is none."""
    line, _, content = data.partition(b"\n")
    try:
        head = json.loads(line)
        if head["until"] <= now.timestamp():
            return None
        return Blob(content, head["mime_type"], head["file_name"])
    except (ValueError, LookupError, TypeError):
        return None
