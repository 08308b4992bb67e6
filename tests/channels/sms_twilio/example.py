"""Twilio's text messages: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import (
    Credential,
    Example,
    Recordings,
    as_form,
    twilio_proof,
)
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, twilio_rules

EXAMPLE = Example(
    needs="twilio_account_sid",
    proof=twilio_proof(),
    recordings=Recordings(
        message="message__text", id="SM00000000000000000000000000000001", echo="status__sent", posted=as_form
    ),
    credential=Credential(
        twilio_rules, {"provider": "twilio"} | {"twilio_account_sid": ACCOUNT, "phone_number": BUSINESS_NUMBER}
    ),
)
