"""Twilio Video: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from shared.domain.customers import Customer
from shared.ports.store import Create
from tests import refs
from tests.channels.example import (
    KEY,
    Credential,
    Example,
    Recordings,
    as_form,
    twilio_proof,
)
from tests.pipeline.hub import Hub
from tests.twilio import ACCOUNT, twilio_rules

CUSTOMER = "5f0c1d2e3a4b5c6d7e8f9aff"


def _video_session(hub: Hub) -> None:
    """Rooms belong to sessions that the business began."""
    now = hub.deps.now()
    person = Customer(id=CUSTOMER, tenant_id=hub.tenant_id, created_at=now, updated_at=now)
    hub.store.commit([Create(refs.customer(CUSTOMER), person.model_dump())])
    hub.post("/sessions/create", {"customer_id": CUSTOMER, "channel_type": "video"})


EXAMPLE = Example(
    needs="twilio_account_sid",
    proof=twilio_proof(),
    recordings=Recordings(
        message="participant__customer-connected",
        id="PA00000000000000000000000000000001",
        echo="participant__agent-connected",
        posted=as_form,
        before=_video_session,
        answered=False,
        echo_kept=True,
    ),
    credential=Credential(twilio_rules, {"twilio_account_sid": ACCOUNT, "api_key_sid": "SK1", "api_key_secret": KEY}),
)
