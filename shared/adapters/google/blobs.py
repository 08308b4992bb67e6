"""Blobs as objects of a Cloud Storage bucket, over its JSON API (https://cloud.google.com/storage/docs/json_api).

The bucket needs a lifecycle rule that deletes objects after a day: expired
blobs are not returned, but they are not deleted here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.adapters.envelope import name_of, unwrap, wrap
from shared.errors import StoreError
from shared.ports.blobs import Blob

if TYPE_CHECKING:
    import requests

_API = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_SECONDS = (5.0, 20.0)
"""To connect, and between two pieces of an answer."""


class BucketBlobs:
    """One object per key. `emulator` is the address of a Cloud Storage emulator, which needs no credential."""

    def __init__(self, bucket: str, now: Callable[[], datetime], emulator: str | None = None) -> None:
        self._bucket = quote(bucket, safe="")
        self._now = now
        self._api = (emulator or _API).rstrip("/")
        self._anonymous = emulator is not None

    def put(self, key: str, blob: Blob, ttl: timedelta) -> None:
        url = f"{self._api}/upload/storage/v1/b/{self._bucket}/o?uploadType=media&name={name_of(key)}"
        answer = self._call("POST", url, wrap(blob, self._now() + ttl))
        if not answer.ok:
            raise StoreError(f"Cloud Storage did not keep a file (status {answer.status_code})")

    def get(self, key: str) -> Blob | None:
        answer = self._call("GET", f"{self._api}/storage/v1/b/{self._bucket}/o/{name_of(key)}?alt=media")
        if answer.status_code == 404:
            return None
        if not answer.ok:
            raise StoreError(f"Cloud Storage did not give a file (status {answer.status_code})")
        return unwrap(answer.content, self._now())

    def close(self) -> None:
        if "_session" in self.__dict__:
            self._session.close()

    def _call(self, method: str, url: str, data: bytes | None = None) -> requests.Response:
        import requests  # noqa: PLC0415  cold start
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415  cold start

        headers = {"Content-Type": "application/octet-stream"} if data is not None else {}
        try:
            return self._session.request(method, url, data=data, headers=headers, timeout=_SECONDS)
        except (requests.RequestException, GoogleAuthError) as error:
            raise StoreError("Cloud Storage did not answer") from error

    @cached_property
    def _session(self) -> requests.Session:
        import requests  # noqa: PLC0415  cold start

        if self._anonymous:
            return requests.Session()
        import google.auth  # noqa: PLC0415  cold start
        from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415  cold start

        credentials, _ = google.auth.default(scopes=[_SCOPE])
        session: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # Google's own
        return session


class NoBlobs:
    """Where no bucket is set: keeps nothing, every file is fetched again."""

    def put(self, key: str, blob: Blob, ttl: timedelta) -> None:
        pass

    def get(self, key: str) -> Blob | None:
        return None

    def close(self) -> None:
        pass
