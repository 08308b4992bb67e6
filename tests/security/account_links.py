"""Following the links that choose passwords, as their holders do."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient


def token_of(link: str) -> str:
    [token] = parse_qs(urlsplit(link).query)["token"]
    return token


def follow(client: FlaskClient, link: str, **choices: str) -> Any:
    return client.post("/api/auth/link", json={"token": token_of(link), **choices})
