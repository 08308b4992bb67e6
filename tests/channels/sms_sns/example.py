"""Amazon SNS: how webhooks come, and a credential that is accepted."""

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
from tests.twilio import BUSINESS_NUMBER

SNS = """<GetSMSAttributesResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
<GetSMSAttributesResult><attributes/></GetSMSAttributesResult></GetSMSAttributesResponse>"""


def _accepted(provider: Stub) -> None:
    provider.on("POST", "^/$", Reply(text=SNS, headers={"content-type": "text/xml"}))


EXAMPLE = Example(
    proof=Proof(
        config=lambda secret: {"region": "eu-west-1", "webhook_secret": secret} | AMAZON_KEY,
        headers=lambda call: {},
        query=lambda secret: {"token": secret},
        unsecured={"region": "eu-west-1"} | AMAZON_KEY,
    ),
    recordings=Recordings(
        message="message__text", id="cae173d2-66b9-564c-8309-21f858e9fb84", echo="event__sent", posted=by_amazon
    ),
    credential=Credential(
        _accepted,
        {"provider": "sns", "phone_number": BUSINESS_NUMBER} | {"region": "eu-west-1", "access_key_id": "AKIA1"},
    ),
)
