"""What a connecting Socket.IO client may show, and from which web pages it may come."""

from __future__ import annotations

from typing import Any

import pytest

from infra.sockets.credentials import credential_of, origin_allowed
from shared.config import Settings

HUB = {"HTTP_HOST": "hub.example"}


@pytest.mark.parametrize(
    ("environ", "auth", "credential"),
    [
        ({}, {"token": "t"}, "t"),
        ({}, {"token": " t "}, "t"),
        ({}, {"token": "Bearer t"}, "t"),
        ({}, {"token": "bearer   t "}, "t"),
        ({"HTTP_AUTHORIZATION": "BEARER t"}, None, "t"),
        ({"HTTP_X_API_KEY": "k"}, None, "k"),
        ({"HTTP_AUTHORIZATION": "Bearer t", "HTTP_X_API_KEY": "k"}, {"token": "first"}, "first"),
        ({"HTTP_AUTHORIZATION": "Bearer t", "HTTP_X_API_KEY": "k"}, {"token": 7}, "t"),
        ({"HTTP_AUTHORIZATION": "", "HTTP_X_API_KEY": "k"}, {"token": ""}, "k"),
        ({"HTTP_AUTHORIZATION": "Bearer t"}, "not an object", "t"),
        ({"HTTP_X_API_KEY": "k" * 4096}, None, "k" * 4096),
        ({"HTTP_X_API_KEY": "k" * 4097}, None, None),
        ({}, None, None),
    ],
)
def test_the_first_of_token_bearer_and_key_counts(
    environ: dict[str, Any], auth: object, credential: str | None
) -> None:
    assert credential_of(environ, auth) == credential


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://hub.example", True),
        ("http://hub.example", True),
        ("https://shop.example", True),
        ("https://hub.example:8443", False),
        ("https://other.example", False),
        ("hub.example", False),
        ("null", False),
        (None, False),
    ],
)
def test_pages_of_the_hub_and_of_the_named_origins_may_connect(
    settings: Settings, origin: object, allowed: bool
) -> None:
    configured = settings.model_copy(update={"cors_origin": ("https://shop.example",)})
    assert origin_allowed(configured, origin, HUB) is allowed


def test_while_developing_every_local_page_may_connect(settings: Settings) -> None:
    unnamed = settings.model_copy(update={"cors_origin": ()})
    assert origin_allowed(unnamed, "http://localhost:5173", HUB)
    assert not origin_allowed(unnamed, "https://hub.example", {})
