"""Blobs as objects of a Cloud Storage bucket.

The bucket needs a lifecycle rule that deletes objects after a day: expired
blobs are not returned, but they are not deleted here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.adapters.envelope import name_of, unwrap, wrap
from shared.adapters.google.bucket import Bucket
from shared.ports.blobs import Blob


class BucketBlobs:
    """One object per key."""

    def __init__(self, bucket: Bucket, now: Callable[[], datetime]) -> None:
        self._bucket = bucket
        self._now = now

    def put(self, key: str, blob: Blob, ttl: timedelta) -> None:
        self._bucket.upload(name_of(key), wrap(blob, self._now() + ttl))

    def get(self, key: str) -> Blob | None:
        data = self._bucket.download(name_of(key))
        return None if data is None else unwrap(data, self._now())

    def delete(self, key: str) -> None:
        self._bucket.delete(name_of(key))

    def close(self) -> None:
        self._bucket.close()


class NoBlobs:
    """Where no bucket is set: keeps nothing, every file is fetched again."""

    def put(self, key: str, blob: Blob, ttl: timedelta) -> None:
        pass

    def get(self, key: str) -> Blob | None:
        return None

    def delete(self, key: str) -> None:
        pass

    def close(self) -> None:
        pass
