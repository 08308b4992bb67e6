"""Amazon SES: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import (
    AMAZON_KEY,
    Credential,
    Example,
    Proof,
    Recordings,
    by_amazon,
)
from tests.stubs import Reply, Stub

_MAIL = {"region": "eu-west-1", "address": "a@shop.example"} | AMAZON_KEY


def _accepted(provider: Stub) -> None:
    verified = {"IdentityType": "DOMAIN", "VerifiedForSendingStatus": True}
    provider.on("GET", "/v2/email/identities/", Reply(json=verified))


EXAMPLE = Example(
    needs="address",
    proof=Proof(
        config=lambda secret: {"webhook_secret": secret, **_MAIL},
        headers=lambda call: {},
        query=lambda secret: {"token": secret},
        unsecured=_MAIL,
    ),
    recordings=Recordings(
        message="received__plain",
        id="CA+first@mail.customer.example",
        # SES does not deliver our own mails to us; only automatic replies to them come back.
        echo="received__out-of-office",
        echo_kept=True,
        posted=by_amazon,
    ),
    credential=Credential(
        _accepted, {"address": "support@shop.example", "region": "eu-west-1", "access_key_id": "AKIA1"}
    ),
)
