"""A person's Telegram account: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import (
    Example,
    Proof,
)

EXAMPLE = Example(
    needs="TELEGRAM_API_ID",
    proof=Proof(config=lambda secret: {}, headers=lambda call: {}, none_come=True),
    no_webhooks="all comes over the account's own connection, and the webhook refuses everything",
    no_credential="a person logs in with a code",
)
