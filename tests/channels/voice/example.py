"""Twilio Voice: how webhooks come, and a credential that is accepted."""

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
    recordings=Recordings(message="gather__speech", id='"5fa"', echo="outbound__in-progress", posted=as_form),
    credential=Credential(twilio_rules, {"twilio_account_sid": ACCOUNT, "phone_number": BUSINESS_NUMBER}),
)
