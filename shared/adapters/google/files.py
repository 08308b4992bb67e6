"""Kept files as objects of a Cloud Storage bucket."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from typing import BinaryIO

from shared.adapters.envelope import name_of
from shared.adapters.file_contents import write
from shared.adapters.google.bucket import Bucket
from shared.ports.files import FileContent


class BucketFiles:
    """One object per content, below a prefix per tenant."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def put(self, tenant_id: str, chunks: Iterable[bytes], limit: int) -> FileContent:
        # Its name is not known before its end.
        with tempfile.TemporaryFile() as draft:
            content = write(chunks, draft, limit)
            draft.seek(0)
            # An empty file would be sent in chunks, which not every server reads.
            self._bucket.upload(_name(tenant_id, content.sha256), draft if content.size else b"", replace=False)
        return content

    def open(self, tenant_id: str, sha256: str) -> BinaryIO | None:
        content = self._bucket.download(_name(tenant_id, sha256))
        return None if content is None else io.BytesIO(content)

    def exists(self, tenant_id: str, sha256: str) -> bool:
        return self._bucket.exists(_name(tenant_id, sha256))

    def delete(self, tenant_id: str, sha256: str) -> None:
        self._bucket.delete(_name(tenant_id, sha256))

    def close(self) -> None:
        self._bucket.close()


def _name(tenant_id: str, sha256: str) -> str:
    return f"{name_of(tenant_id)}/{sha256}"
