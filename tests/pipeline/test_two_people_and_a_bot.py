"""Two people and a bot in one conversation, truly at once: one of them has it, and each message is answered once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from shared.domain.conversations import Owner
from tests.eventually import eventually
from tests.functions.keys import key_for
from tests.pipeline.hub import Hub

ROUNDS = 8
_PATIENCE = 60.0


def test_one_of_two_people_has_the_conversation_and_each_message_is_answered_once(hub: Hub) -> None:
    hub.echo_agent(cooldownSeconds=0)
    bot = hub.telegram()
    hub.customer_writes(bot, "0")
    session = hub.conversation().id
    people = [hub.headers, key_for(hub.deps, hub.tenant_id)]

    def act(action: str, person: dict[str, str]) -> int:
        client = hub.client.application.test_client()
        return client.post(f"/api/conversations/{session}/{action}", json={}, headers=person).status_code

    with ThreadPoolExecutor(3) as pool:
        for number in range(1, ROUNDS + 1):
            writing = pool.submit(hub.customer_writes, bot, str(number))
            takes = [pool.submit(act, "take", person) for person in people]
            writing.result()
            assert sorted(take.result() for take in takes) == [200, 409]
            assert hub.conversation().owner is Owner.HUMAN
            assert act("release", people[number % 2]) == 200
    eventually(lambda: _answers(hub).keys() == {str(number) for number in range(ROUNDS + 1)}, _PATIENCE)
    eventually(hub.idle, _PATIENCE)
    assert set(_answers(hub).values()) == {1}
    conversation = hub.conversation()
    assert (conversation.owner, conversation.holder_id, conversation.needs_reply_since) == (Owner.BOT, None, None)


def _answers(hub: Hub) -> Counter[str]:
    """How often each of the customer's messages was answered."""
    return Counter(line for text in hub.sent_texts() for line in text.removeprefix("Echo: ").split("\n"))
