"""A WhatsApp account with a socket of our own: nobody calls for it, and it has no credential."""

from __future__ import annotations

from tests.channels.example import Example, Proof

EXAMPLE = Example(
    needs="",
    proof=Proof(config=lambda secret: {}, headers=lambda call: {}, none_come=True),
    no_webhooks="all comes over the account's own connection, and the webhook refuses everything",
    no_credential="a person scans a code with the phone",
)
