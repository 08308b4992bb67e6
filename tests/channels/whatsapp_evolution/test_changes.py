"""What Evolution is asked when a message is edited or deleted."""

from __future__ import annotations

import pytest

from shared.channels.whatsapp_evolution import changes
from shared.deps import Deps
from shared.domain.messages import Span
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected
from tests.channels.whatsapp_evolution.samples import GROUP, MARIA, config, instance
from tests.stubs import Reply, Stub

EDIT, DELETE = "^/chat/updateMessage/acme-support$", "^/chat/deleteMessageForEveryone/acme-support$"


def edit(deps: Deps, provider: Stub, payload: OutboxPayload) -> None:
    changes.edit(deps, instance(), config(evolution_url=provider.url), payload, "3EB0")


def delete(deps: Deps, provider: Stub, to: str) -> None:
    payload = OutboxPayload(external_conversation_id=to, text="oi")
    changes.delete(deps, instance(), config(evolution_url=provider.url), payload, "3EB0")


def test_a_text_is_edited_under_the_key_of_its_message(deps: Deps, provider: Stub) -> None:
    provider.on("POST", EDIT, Reply(200, {"key": {"id": "3EB1"}}))
    spans = [Span(style="bold", start=0, end=2)]
    edit(deps, provider, OutboxPayload(external_conversation_id=MARIA, text="oi Maria", spans=spans))
    [request] = provider.requests
    key = {"remoteJid": MARIA, "fromMe": True, "id": "3EB0"}
    assert request.json == {"number": "5511988887777", "key": key, "text": "*oi* Maria"}
    assert request.headers["apikey"] == "K3Y"


@pytest.mark.parametrize("chat", [MARIA, GROUP])
def test_a_message_is_deleted_for_everybody(deps: Deps, provider: Stub, chat: str) -> None:
    provider.on("DELETE", DELETE, Reply(201, {"key": {"id": "3EB1"}}))
    delete(deps, provider, chat)
    [request] = provider.requests
    assert request.json == {"remoteJid": chat, "fromMe": True, "id": "3EB0"}


def test_a_refusal_is_told_in_evolutions_words(deps: Deps, provider: Stub) -> None:
    refusal = {"status": 400, "response": {"message": ["Message is older than 15 minutes"]}}
    provider.on("POST", EDIT, Reply(400, refusal))
    with pytest.raises(ProviderRejected, match="15 minutes"):
        edit(deps, provider, OutboxPayload(external_conversation_id=MARIA, text="oi"))
