"""Visitors whose own page says who they are, and proves it.

The page's server signs its user's id with `identity_secret`, which no browser ever sees. Whoever shows id and proof is
that user, in whatever browser: https://www.intercom.com/help/en/articles/183-set-up-identity-verification
"""

from __future__ import annotations

import hashlib
import hmac
import re

from shared.channels.widget.config import WidgetConfig
from shared.domain.ids import stable_id

_READABLE = re.compile(r"[A-Za-z0-9_-]{1,59}")


def proof_of(user_id: str, secret: str) -> str:
    """What the page's server makes: HMAC-SHA256 of the id in UTF-8, in hex."""
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


def is_proven(config: WidgetConfig, user_id: str, proof: str) -> bool:
    """Whether the proof is right; none is without an `identity_secret`."""
    if config.identity_secret is None:
        return False
    expected = proof_of(user_id, config.identity_secret.get_secret_value())
    return hmac.compare_digest(expected.encode(), proof.lower().encode())


def visitor_id(instance_id: str, user_id: str) -> str:
    """A user's id among the visitors: `user-42`. Nobody else gets one like it, for others are made of hex digits."""
    if _READABLE.fullmatch(user_id):
        return f"user-{user_id}"
    return f"userhash-{stable_id('widget-user', instance_id, user_id)}"


def secret_mark(config: WidgetConfig) -> str | None:
    """Tells secrets apart without telling one: a token that was given for a proof ends with the secret behind it."""
    if config.identity_secret is None:
        return None
    return hashlib.sha256(b"mark\n" + config.identity_secret.get_secret_value().encode()).hexdigest()[:16]
