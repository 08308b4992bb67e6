"""Credentials in Google Secret Manager."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.google.calls import errors, while_unavailable
from shared.errors import BadRequest, StoreError

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

_TIMEOUT: Final = 10.0  # seconds, retries included
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,255}")
_ABSENT_TTL: Final = 10.0
"""Seconds for which an absent secret is taken for absent: one just written elsewhere must be found soon."""


@dataclass(frozen=True, slots=True)
class _Cached:
    value: dict[str, str]
    until: float


class SecretManagerSecrets:
    """One secret per name; its latest version holds the map as JSON.

    Older versions are destroyed, since a disabled one costs as much as one in
    use. What was read is kept for `ttl` seconds, because accesses are paid for
    and limited. `endpoint` (`host:port`) is a server without TLS or
    credentials, for tests. Google's libraries are loaded, and credentials looked
    for, at the first call.
    """

    def __init__(self, project: str, ttl: float = 300.0, endpoint: str | None = None) -> None:
        self._project = f"projects/{project}"
        self._ttl = ttl
        self._endpoint = endpoint
        self._cache: dict[str, _Cached] = {}
        self._changes = 0
        self._lock = threading.Lock()
        self._one_change = threading.Lock()

    @cached_property
    def _client(self) -> SecretManagerServiceClient:
        return _client(self._endpoint)

    @cached_property
    def _calling(self) -> dict[str, Any]:
        return {"timeout": _TIMEOUT, "retry": while_unavailable(_TIMEOUT)}

    def read(self, name: str) -> dict[str, str]:
        secret = self._secret(name)
        cached = self._cache.get(name)
        if cached is not None and time.monotonic() < cached.until:
            return dict(cached.value)
        changes = self._changes
        value = self._access(secret)
        self._remember(name, value, changes)
        return dict(value)

    def write(self, name: str, value: dict[str, str]) -> None:
        secret = self._secret(name)
        with self._one_change, errors("Secret Manager"):
            try:
                version = self._add(secret, json.dumps(value).encode())
            finally:
                self._forget(name)  # after an error nobody knows which value holds
            self._remember(name, dict(value), self._changes)
            self._destroy_older(secret, version)

    def delete(self, name: str) -> None:
        from google.api_core.exceptions import NotFound  # noqa: PLC0415  cold start

        secret = self._secret(name)
        with self._one_change, errors("Secret Manager"):
            try:
                with suppress(NotFound):
                    self._client.delete_secret(name=secret, **self._calling)
            finally:
                self._forget(name)

    def close(self) -> None:
        if "_client" in vars(self):
            self._client.transport.close()  # type: ignore[no-untyped-call]  # generated code

    def _secret(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise BadRequest("a secret's name has letters, digits, - and _ only")
        return f"{self._project}/secrets/{name}"

    def _forget(self, name: str) -> None:
        with self._lock:
            self._changes += 1
            self._cache.pop(name, None)

    def _remember(self, name: str, value: dict[str, str], changes: int) -> None:
        """Keep a value, unless something was changed since `changes` was looked up: then it may be a former one."""
        until = time.monotonic() + (self._ttl if value else min(self._ttl, _ABSENT_TTL))
        with self._lock:
            if changes == self._changes:
                self._cache[name] = _Cached(value, until)

    def _access(self, secret: str) -> dict[str, str]:
        from google.api_core.exceptions import NotFound  # noqa: PLC0415  cold start

        with errors("Secret Manager"):
            try:
                answer = self._client.access_secret_version(name=f"{secret}/versions/latest", **self._calling)
            except NotFound:  # no such secret, or one whose first version was never added
                return {}
        return _decoded(answer.payload.data)

    def _add(self, secret: str, data: bytes) -> int:
        """Add a version and return its number; most writes find the secret there and are one call."""
        from google.api_core.exceptions import AlreadyExists, NotFound  # noqa: PLC0415  cold start

        adding: dict[str, Any] = {"parent": secret, "payload": {"data": data}}
        try:
            added = self._client.add_secret_version(request=adding, **self._calling)
        except NotFound:
            with suppress(AlreadyExists):  # by another process, just now
                self._create(secret)
            added = self._client.add_secret_version(request=adding, **self._calling)
        return _number(added.name)

    def _create(self, secret: str) -> None:
        replication: dict[str, Any] = {"replication": {"automatic": {}}}
        creating = {"parent": self._project, "secret_id": secret.rsplit("/", 1)[1], "secret": replication}
        self._client.create_secret(request=creating, **self._calling)

    def _destroy_older(self, secret: str, version: int) -> None:
        # https://cloud.google.com/secret-manager/docs/filtering
        alive = {"parent": secret, "filter": "state:(ENABLED OR DISABLED)"}
        for other in self._client.list_secret_versions(request=alive, **self._calling):
            # A newer one is that of another process, and stays.
            if _number(other.name) < version:
                self._client.destroy_secret_version(name=other.name, **self._calling)


def _number(version: str) -> int:
    return int(version.rsplit("/", 1)[1])


def _decoded(data: bytes) -> dict[str, str]:
    try:
        value: object = json.loads(data)
    except ValueError:
        value = None
    # Outside of the handler: the error there holds the text that could not be read.
    if not isinstance(value, dict):
        raise StoreError("a secret was changed by hand and is no JSON object any more")
    return value


def _client(endpoint: str | None) -> SecretManagerServiceClient:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415  cold start

    if endpoint is None:
        return SecretManagerServiceClient()
    import grpc  # noqa: PLC0415  cold start
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (  # noqa: PLC0415  cold start
        SecretManagerServiceGrpcTransport,
    )

    channel = grpc.insecure_channel(endpoint)
    return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
