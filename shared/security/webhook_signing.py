"""Signing the calls that the hub makes, as https://www.standardwebhooks.com specifies."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"
_BYTES = 32


def new_signing_secret() -> str:
    """A random secret in the notation of Standard Webhooks."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signed_headers(signing_secrets: Sequence[str], message_id: str, body: str, now: datetime) -> dict[str, str]:
    """The headers by which a receiver knows who calls, when, and whether they were called with this before.

    A receiver who has any of the secrets can verify them.
    """
    from standardwebhooks import Webhook  # noqa: PLC0415 - most processes sign nothing

    signatures = [Webhook(secret).sign(message_id, now, body) for secret in signing_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
