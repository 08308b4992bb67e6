"""A Cloud Storage bucket, over its JSON API (https://cloud.google.com/storage/docs/json_api)."""

from __future__ import annotations

from functools import cached_property
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from shared.errors import StoreError

if TYPE_CHECKING:
    import requests

_API = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_SECONDS = (5.0, 20.0)
"""To connect, and between two pieces of an answer."""


class Bucket:
    """Objects by name. `emulator` is the address of a Cloud Storage emulator, which needs no credential.

    All raise `StoreError` when Cloud Storage does not answer, or not as it should.
    """

    def __init__(self, name: str, emulator: str | None = None) -> None:
        self._bucket = quote(name, safe="")
        self._api = (emulator or _API).rstrip("/")
        self._anonymous = emulator is not None

    def upload(self, name: str, content: bytes | IO[bytes], *, replace: bool = True) -> None:
        """Write an object; without `replace` one that is there stays."""
        query = f"uploadType=media&name={quote(name, safe='')}" + ("" if replace else "&ifGenerationMatch=0")
        answer = self._call("POST", f"{self._api}/upload/storage/v1/b/{self._bucket}/o?{query}", content)
        if not answer.ok and not (answer.status_code == 412 and not replace):
            raise StoreError(f"Cloud Storage did not keep a file (status {answer.status_code})")

    def upload_version(self, name: str, content: bytes, generation: int) -> int | None:
        """Write an object that has this generation, or that is not there where it is 0; its new generation.

        None when somebody else has written it.
        """
        query = f"uploadType=media&name={quote(name, safe='')}&ifGenerationMatch={generation}"
        answer = self._call("POST", f"{self._api}/upload/storage/v1/b/{self._bucket}/o?{query}", content)
        if answer.status_code == 412:
            return None
        if not answer.ok:
            raise StoreError(f"Cloud Storage did not keep a file (status {answer.status_code})")
        return int(answer.json()["generation"])

    def names(self, prefix: str) -> list[str]:
        """The names of up to 1000 objects that begin so."""
        query = f"prefix={quote(prefix, safe='')}&fields=items(name)"
        answer = self._call("GET", f"{self._api}/storage/v1/b/{self._bucket}/o?{query}")
        if not answer.ok:
            raise StoreError(f"Cloud Storage did not list files (status {answer.status_code})")
        return [item["name"] for item in answer.json().get("items", [])]

    def download(self, name: str) -> bytes | None:
        """An object's content; None when there is none."""
        answer = self._call("GET", f"{self._address(name)}?alt=media")
        return answer.content if self._is_there(answer, "give") else None

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        return self._is_there(self._call("GET", f"{self._address(name)}?fields=size"), "look up")

    def delete(self, name: str) -> None:
        """Delete an object, if it is there."""
        self._is_there(self._call("DELETE", self._address(name)), "delete")

    def close(self) -> None:
        if "_session" in self.__dict__:
            self._session.close()

    def _address(self, name: str) -> str:
        return f"{self._api}/storage/v1/b/{self._bucket}/o/{quote(name, safe='')}"

    def _is_there(self, answer: requests.Response, what: str) -> bool:
        if not answer.ok and answer.status_code != 404:
            raise StoreError(f"Cloud Storage did not {what} a file (status {answer.status_code})")
        return answer.ok

    def _call(self, method: str, url: str, data: bytes | IO[bytes] | None = None) -> requests.Response:
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
