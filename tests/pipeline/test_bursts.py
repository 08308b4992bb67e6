"""What comes while an answer is being made is neither lost nor answered twice."""

from __future__ import annotations

import time
from typing import Any

from shared.domain.messages import Direction
from shared.ports.store import Merge
from tests import refs
from tests.eventually import eventually
from tests.evolution import MARIA, answered_shop, evolution_rules, upsert, written
from tests.google.deployment import EVERYWHERE
from tests.pipeline.hub import Hub
from tests.stubs import Received, Reply

RUN = "/api/v1/agent/support/run"
SEND = "/message/sendText"


def _shop(hub: Hub, agent: Any) -> None:
    """A WhatsApp instance whose customers an external agent service answers, and an Evolution that takes all."""
    evolution_rules(hub.provider)
    hub.provider.on("POST", RUN, agent)
    hub.post("/api/v1/instances", answered_shop(hub.provider.url), 201)


def _write(hub: Hub, *texts: str) -> None:
    """A webhook for each text, one after the other."""
    for text in texts:
        _deliver(hub, [written(text)])


def _deliver(hub: Hub, messages: list[dict[str, Any]]) -> None:
    data: Any = messages if len(messages) > 1 else messages[0]
    answer = hub.client.post("/webhook/evolution/shop", json=upsert(data))
    assert answer.status_code == 200, answer.text


def _slowly(request: Received) -> Reply:
    return Reply(json={"message": "re: " + request.json["message_content"].replace("\n", " ")}, delay=0.5)


def _inbound(hub: Hub) -> list[str | None]:
    return [message.text for message in hub.messages(Direction.INBOUND)]


def _answered(hub: Hub, messages: int) -> list[str]:
    eventually(lambda: len(_inbound(hub)) == messages and hub.conversation().needs_reply_since is None)
    eventually(hub.idle)
    return hub.sent_texts(SEND)


@EVERYWHERE
def test_everything_that_came_while_the_agent_was_thinking_is_answered_next(hub: Hub) -> None:
    _shop(hub, _slowly)
    _write(hub, "one")
    hub.provider.wait_for(RUN)
    _write(hub, "two", "three", "four")
    assert _answered(hub, 4) == ["re: one", "re: two three four"]


def test_what_came_while_the_agent_decided_to_say_nothing_is_still_answered(hub: Hub) -> None:
    _shop(hub, _slowly)
    hub.provider.on("POST", RUN, Reply(json={"message": ""}, delay=0.5), times=1)
    _write(hub, "one")
    hub.provider.wait_for(RUN)
    _write(hub, "two")
    assert _answered(hub, 2) == ["re: two"]


def test_the_machine_keeps_silent_when_a_human_was_faster_until_the_conversation_is_released(hub: Hub) -> None:
    _shop(hub, _slowly)
    _write(hub, "one")
    hub.provider.wait_for(RUN)
    conversation_id = hub.conversation().id
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": "I am here"}, 202)
    _write(hub, "thanks")
    eventually(lambda: _inbound(hub) == ["one", "thanks"])
    eventually(hub.idle)
    assert hub.sent_texts(SEND) == ["I am here"]
    hub.post(f"/api/conversations/{conversation_id}/release", {}, 200)
    hub.provider.wait_for(RUN, 2)
    assert _answered(hub, 2) == ["I am here", "re: thanks"]


def test_messages_of_one_webhook_keep_their_order(hub: Hub) -> None:
    _shop(hub, Reply(json={"message": ""}))
    texts = [f"part {n}" for n in range(8)]
    _deliver(hub, [written(text) for text in texts])
    eventually(lambda: len(_inbound(hub)) == 8)
    assert _inbound(hub) == texts


def test_a_message_that_came_late_stays_behind_one_of_the_same_second_that_did_not(hub: Hub) -> None:
    _shop(hub, _slowly)
    first, late = (written(text) | {"messageTimestamp": int(time.time()) - 1} for text in ("first", "late"))
    _deliver(hub, [first])
    time.sleep(1.2)  # a provider's time counts from two seconds on
    _deliver(hub, [late])
    _answered(hub, 2)
    assert _inbound(hub) == ["first", "late"]


def test_a_provider_that_gives_our_message_a_customers_id_does_no_harm(hub: Hub) -> None:
    _shop(hub, _slowly)
    hub.provider.on("POST", SEND, Reply(201, {"key": {"remoteJid": MARIA, "fromMe": True, "id": "IN-one"}}))
    _write(hub, "one")
    assert _answered(hub, 1) == ["re: one"]
    assert _inbound(hub) == ["one"]
    assert [message.status for message in hub.messages(Direction.OUTBOUND)] == ["sent"]


def test_a_conversation_that_was_changed_while_the_agent_was_thinking_is_answered_once(hub: Hub) -> None:
    _shop(hub, _slowly)
    _write(hub, "one")
    hub.provider.wait_for(RUN)
    conversation = hub.conversation()
    hub.deps.store.commit([Merge(refs.conversation(conversation.id), {"priority": "high"})])
    assert _answered(hub, 1) == ["re: one"]
