"""Fetching a file from an address that a provider or a user gave."""

from __future__ import annotations

from collections.abc import Mapping

from shared.channel.media import MAX_MEDIA, Media
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable, StoreError
from shared.outgoing import Answer
from shared.security.addresses import AddressRefused

FILE_TIMEOUT = 40.0
"""Seconds for a whole file; somebody is waiting for it."""


def fetch_file(
    deps: Deps, provider: str, url: str, *, guarded: bool = True, headers: Mapping[str, str] | None = None
) -> Media:
    """Fetch a file of up to `MAX_MEDIA` bytes. Raises a `ProviderError` that does not repeat the address."""
    try:
        answer = deps.http.request(
            "GET",
            url,
            provider=provider,
            headers=headers,
            timeout=FILE_TIMEOUT,
            guarded=guarded,
            max_bytes=MAX_MEDIA,
        )
    except AddressRefused as error:
        raise ProviderRejected(provider, f"the file's address is not called: {error.detail}") from None
    except OutcomeUnknown as error:
        # Nothing was to be done but to read, so there is nothing unknown.
        raise ProviderError(provider, f"the file did not come: {error.reason}") from None
    except ProviderError as error:
        raise error from None  # What caused it may quote the address, and the address may be a secret.
    return media_of(provider, answer)


def content_of(deps: Deps, instance: Instance, attachment: Attachment) -> Media:
    """What is to be sent: from the hub itself for an upload, else from the file's address.

    Raises a `ProviderError` that does not repeat the address.
    """
    if attachment.sha256 is None:
        return fetch_file(deps, instance.adapter, attachment.url or "")
    try:
        file = deps.files.open(instance.tenant_id, attachment.sha256) if deps.files is not None else None
        if file is None:
            raise ProviderRejected(instance.adapter, "the file is no longer kept")
        with file:
            content = file.read()
    except (StoreError, OSError):
        raise ProviderUnavailable(instance.adapter, "the kept file could not be read") from None
    return Media(content=content, mime_type=attachment.mime_type, file_name=attachment.file_name)


def media_of(provider: str, answer: Answer) -> Media:
    if not answer.ok:
        raise ProviderRejected(provider, f"the file is not to be had (status {answer.status})")
    return Media(content=answer.body, mime_type=answer.headers.get("content-type"))
