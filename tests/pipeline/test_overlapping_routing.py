"""Rules, and customers, that are changed while conversations are routed by them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.hub.main import blueprints
from shared.cache import TTLCache
from tests.apps import create_app
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def elsewhere(manual_hub: ManualHub) -> FlaskClient:
    """The same hub in another process, which tells this one nothing."""
    cache = TTLCache(manual_hub.overlaps.clock.monotonic)
    return create_app(replace(manual_hub.deps, cache=cache), blueprints(), documented=False).test_client()


def _rule(hub: ManualHub, condition: str, action: str, client: FlaskClient | None = None) -> str:
    body = {"condition": condition, "action": action}
    answer: Any = (client or hub.client).post("/routing/rules", json=body, headers=hub.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def _assignee(hub: ManualHub, bot: str, chat: int) -> str | None:
    """Who gets the conversation that somebody begins now."""
    hub.writes(bot, "hello", chat=chat)
    [conversation] = [each for each in hub.conversations() if each.external_user_id == str(chat)]
    return conversation.assignee_id


def test_a_rule_of_another_process_is_followed_ten_seconds_later(
    manual_hub: ManualHub, bot: str, elsewhere: FlaskClient
) -> None:
    rule = _rule(manual_hub, "channel=telegram_bot", "assign_to_agent:ann")
    assert _assignee(manual_hub, bot, chat=1) == "ann"
    changed = elsewhere.put(
        f"/routing/rules/{rule}", json={"action": "assign_to_agent:bob"}, headers=manual_hub.headers
    )
    assert changed.status_code == 200
    manual_hub.overlaps.clock.advance(seconds=11)
    assert _assignee(manual_hub, bot, chat=2) == "bob"


def test_the_first_rule_and_the_removal_of_the_last_one_are_noticed_too(
    manual_hub: ManualHub, bot: str, elsewhere: FlaskClient
) -> None:
    assert _assignee(manual_hub, bot, chat=1) is None
    rule = _rule(manual_hub, "channel=telegram_bot", "assign_to_agent:ann", elsewhere)
    manual_hub.overlaps.clock.advance(seconds=11)
    assert _assignee(manual_hub, bot, chat=2) == "ann"
    assert elsewhere.delete(f"/routing/rules/{rule}", headers=manual_hub.headers).status_code == 204
    manual_hub.overlaps.clock.advance(seconds=11)
    assert _assignee(manual_hub, bot, chat=3) is None


def test_traffic_does_not_make_old_rules_live_longer(manual_hub: ManualHub, bot: str, elsewhere: FlaskClient) -> None:
    rule = _rule(manual_hub, "channel=telegram_bot", "assign_to_agent:ann")
    assert _assignee(manual_hub, bot, chat=1) == "ann"
    elsewhere.delete(f"/routing/rules/{rule}", headers=manual_hub.headers)
    for chat in (2, 3):
        manual_hub.overlaps.clock.advance(seconds=6)
        last = _assignee(manual_hub, bot, chat=chat)
    assert last is None


def test_the_rules_of_this_process_are_followed_at_once(manual_hub: ManualHub, bot: str) -> None:
    rule = _rule(manual_hub, "channel=telegram_bot", "assign_to_agent:ann")
    assert _assignee(manual_hub, bot, chat=1) == "ann"
    manual_hub.put(f"/routing/rules/{rule}", {"action": "assign_to_agent:bob"})
    assert _assignee(manual_hub, bot, chat=2) == "bob"
    manual_hub.put(f"/routing/rules/{rule}", {"active": False})
    assert _assignee(manual_hub, bot, chat=3) is None


@pytest.mark.parametrize("has_rules", [False, True])
def test_rules_that_are_made_at_once_are_both_kept(manual_hub: ManualHub, *, has_rules: bool) -> None:
    rule_ids = [_rule(manual_hub, "channel=email", "add_tag:mail")] if has_rules else []
    manual_hub.overlaps.store.before_commit(
        "routing_rules", lambda: rule_ids.append(_rule(manual_hub, "channel=sms", "add_tag:first"))
    )
    rule_ids.append(_rule(manual_hub, "channel=sms", "add_tag:second"))
    assert [rule["id"] for rule in manual_hub.get("/routing/rules")["rules"]] == rule_ids


def test_a_rule_that_is_removed_while_it_is_changed_is_gone(manual_hub: ManualHub) -> None:
    rule = _rule(manual_hub, "channel=sms", "add_tag:first")

    def removes() -> None:
        assert manual_hub.client.delete(f"/routing/rules/{rule}", headers=manual_hub.headers).status_code == 204

    manual_hub.overlaps.store.before_commit("routing_rules", removes)
    manual_hub.put(f"/routing/rules/{rule}", {"active": False}, 404)
    assert manual_hub.get("/routing/rules") == {"rules": []}


def _tags(hub: ManualHub) -> list[str]:
    [customer] = hub.documents("customers", tenant_id=hub.tenant_id)
    return sorted(customer["tags"])


def _found_by(hub: ManualHub) -> list[str]:
    return sorted(each["tag"] for each in hub.documents("customer_tags", tenant_id=hub.tenant_id))


@pytest.mark.parametrize("tags", [["vip"], []], ids=["another tag", "none any more"])
def test_tags_that_a_person_gives_while_a_rule_gives_one_are_kept_together(
    manual_hub: ManualHub, bot: str, session: str, tags: list[str]
) -> None:
    profile = f"/customers/{manual_hub.conversation().customer_id}/profile"
    manual_hub.put(profile, {"tags": ["old"]})
    manual_hub.set_status(session, "CLOSED")
    _rule(manual_hub, "channel=telegram_bot", "add_tag:again")
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.put(profile, {"tags": tags}))
    manual_hub.writes(bot, "two")
    assert (_tags(manual_hub), _found_by(manual_hub)) == (sorted(["again", *tags]), sorted(["again", *tags]))


def test_a_customer_is_routed_by_the_tags_that_they_have_in_the_moment_of_routing(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    profile = f"/customers/{manual_hub.conversation().customer_id}/profile"
    manual_hub.set_status(session, "CLOSED")
    _rule(manual_hub, "tag=vip", "assign_to_agent:ann; add_tag:again")
    manual_hub.put(profile, {"tags": ["vip"]})
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.put(profile, {"tags": []}))
    manual_hub.writes(bot, "two")
    [other] = manual_hub.others(session)
    assert (other.assignee_id, _tags(manual_hub)) == (None, [])


def test_a_session_that_two_begin_at_once_is_routed_once(manual_hub: ManualHub, bot: str, session: str) -> None:
    manual_hub.set_status(session, "CLOSED")
    _rule(manual_hub, "channel=telegram_bot", "assign_to_agent:ann; set_priority:high")
    body = {"customer_id": manual_hub.conversation().customer_id, "channel_type": "telegram_bot"}
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.writes(bot, "two"))
    created = manual_hub.post("/sessions/create", body)["session_id"]
    [other] = manual_hub.others(session)
    assert (other.id, other.assignee_id, other.priority) == (created, "ann", "high")
