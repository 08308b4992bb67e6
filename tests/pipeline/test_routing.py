"""Routing rules at work on conversations that begin."""

from __future__ import annotations

from shared.domain.conversations import Conversation, Priority
from shared.domain.messages import Direction
from tests.eventually import eventually
from tests.pipeline.hub import Hub


def _rule(hub: Hub, condition: str, action: str) -> None:
    hub.post("/routing/rules", {"condition": condition, "action": action}, 201)


def _of(hub: Hub, chat: int) -> Conversation:
    [conversation] = eventually(lambda: [each for each in hub.conversations() if each.external_user_id == str(chat)])
    return conversation


def test_a_rule_that_assigns_silences_the_bot(hub: Hub) -> None:
    hub.echo_agent()
    channel_id = hub.telegram()
    _rule(hub, "channel=telegram_bot AND text contains human", "assign_to_agent:ann; set_priority:high")
    hub.customer_writes(channel_id, "A human, please", chat=1)
    hub.customer_writes(channel_id, "hello", chat=2)
    hub.provider.wait_for("/sendMessage")
    eventually(hub.idle)
    routed, other = _of(hub, 1), _of(hub, 2)
    assert (routed.assignee_id, routed.priority) == ("ann", Priority.HIGH)
    assert routed.routed_at is not None
    assert (other.assignee_id, other.priority, other.routed_at) == (None, Priority.NORMAL, None)
    assert hub.sent_texts() == ["Echo: hello"]


def test_a_group_and_tags_are_set_before_anybody_sees_the_conversation(hub: Hub) -> None:
    channel_id = hub.telegram()
    _rule(hub, "NOT channel=sms", "assign_to_agent_group:vip; add_tag:new")
    hub.customer_writes(channel_id, "hello")
    conversation = hub.conversation()
    assert conversation.team_id == "vip"
    assert hub.get(f"/api/conversations/{conversation.id}")["teamId"] == "vip"
    assert hub.get(f"/sessions/{conversation.id}")["agent_group"] == "vip"
    assert [each["agent_group"] for each in hub.get("/sessions")["sessions"]] == ["vip"]
    [customer] = hub.documents("customers", tenant_id=hub.tenant_id)
    assert customer["tags"] == ["new"]
    events = eventually(lambda: [event for event in hub.realtime if event.name == "conversation-updated"])
    assert events[0].payload["conversation"]["team_id"] == "vip"


def test_a_returning_customer_is_routed_by_tag_and_only_when_a_conversation_begins(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "hello")
    first = hub.conversation()
    _rule(hub, "channel=telegram_bot", "add_tag:known; set_priority:low")
    _rule(hub, "tag=known", "assign_to_agent:ann")
    hub.customer_writes(channel_id, "still there?")
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 2)
    assert hub.conversation().routed_at is None
    for number in (2, 3):
        newest = max(hub.conversations(), key=lambda each: each.created_at)
        hub.patch(f"/api/conversations/{newest.id}", {"status": "CLOSED"})
        hub.customer_writes(channel_id, "me again")
        eventually(lambda number=number: len(hub.conversations()) == number)  # type: ignore[misc]  # bound to the round
    second, third = sorted(hub.conversations(), key=lambda each: each.created_at)[1:]
    assert (second.assignee_id, second.priority) == (None, Priority.LOW)
    assert third.assignee_id == "ann"
    assert hub.documents("customers", tenant_id=hub.tenant_id)[0]["tags"] == ["known"]
    assert first.id not in (second.id, third.id)


def test_the_same_webhook_again_routes_nothing_twice(hub: Hub) -> None:
    channel_id = hub.telegram()
    update = hub.update(5, "hello")
    hub.deliver_update(channel_id, update)
    conversation = hub.conversation()
    _rule(hub, "channel=telegram_bot", "assign_to_agent:ann")
    hub.deliver_update(channel_id, update)
    hub.customer_writes(channel_id, "marker", chat=6)
    assert _of(hub, 6).assignee_id == "ann"
    assert _of(hub, 5) == conversation


def test_another_tenants_rules_do_not_apply(hub: Hub) -> None:
    _rule(hub, "channel=telegram_bot", "assign_to_agent:ann")
    hub.register("other@example.com")
    hub.customer_writes(hub.telegram(), "hello")
    assert hub.conversation().assignee_id is None
