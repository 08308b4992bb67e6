"""The secrets of messages, by which one is recognised whose id nobody has heard."""

from __future__ import annotations

import base64

import pytest

from shared.channels.whatsapp_web.message_secrets import SECRET_BYTES, part_id_of, secret_for
from shared.domain.ids import new_id, stable_id


@pytest.mark.parametrize("message_id", ["3f9a1c5e7b2d4860a1b2c3d4", stable_id("idempotency", "key")])
@pytest.mark.parametrize("part", ["", ".1", ".12"])
def test_a_secret_names_the_part_that_was_sent(message_id: str, part: str) -> None:
    secret = base64.b64decode(secret_for(message_id + part))
    assert len(secret) == SECRET_BYTES
    assert part_id_of(secret) == message_id + part


def test_no_two_secrets_are_the_same() -> None:
    message_id = new_id()
    assert secret_for(message_id) != secret_for(message_id)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(32), b"\x11" * 32])
def test_another_programs_secret_names_nothing(secret: bytes) -> None:
    assert part_id_of(secret) is None


@pytest.mark.parametrize("message_id", [None, "", "m1"])
def test_what_is_no_message_of_the_hubs_has_a_secret_without_a_name(message_id: str | None) -> None:
    secret = base64.b64decode(secret_for(message_id))
    assert (len(secret), part_id_of(secret)) == (SECRET_BYTES, None)
