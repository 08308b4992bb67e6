"""Files that people send: fetched without the account's connection, and only what was sent is shown."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.media import fetch_media
from shared.deps import Deps
from shared.domain.messages import Attachment, MessageKind
from shared.errors import NotFound, ProviderRejected
from tests.documents import a_message, an_instance
from tests.stubs import Reply, Stub
from tests.whatsapp.files import encrypted

KEY = bytes(range(32))


def _fetched(deps: Deps, provider: Stub, **extra: Any) -> bytes:
    settings = deps.settings.model_copy(update={"whatsapp_media_url": provider.url})
    described = {"media_key": b64encode(KEY).decode(), "direct_path": "/v/t62/cat?ccb=1"} | extra
    attachment = Attachment(type=MessageKind.IMAGE, mime_type="image/jpeg", extra=described)
    instance = an_instance("whatsapp_web")
    message = a_message(instance_id=instance.id)
    media = fetch_media(replace(deps, settings=settings), instance, WhatsAppWebConfig(), message, attachment)
    assert media.mime_type == "image/jpeg"
    return media.content


def test_a_file_is_decrypted_with_what_its_message_said(deps: Deps, provider: Stub) -> None:
    provider.on("GET", r"^/v/t62/cat\?ccb=1$", Reply(content=encrypted(b"a cat", KEY)))
    assert _fetched(deps, provider) == b"a cat"
    by_address = {"direct_path": None, "encrypted_url": "https://mmg.whatsapp.net/v/t62/cat?ccb=1"}
    assert _fetched(deps, provider, **by_address) == b"a cat"


@pytest.mark.parametrize(
    "content", [b"", b"x" * 9, encrypted(b"a cat", KEY)[:-1] + b"\0", encrypted(b"a cat", KEY[::-1])]
)
def test_a_file_that_was_changed_is_refused(deps: Deps, provider: Stub, content: bytes) -> None:
    provider.on("GET", "/v/t62/cat", Reply(content=content))
    with pytest.raises(ProviderRejected):
        _fetched(deps, provider)


@pytest.mark.parametrize("extra", [{"media_key": None}, {"media_key": "?"}, {"direct_path": None}])
def test_a_message_without_key_or_place_has_no_file(deps: Deps, provider: Stub, extra: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        _fetched(deps, provider, **extra)
