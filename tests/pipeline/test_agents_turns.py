"""What an external agent service is told of what customers bring, and whom it is told about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.generated import part
from tests.eventually import eventually
from tests.evolution import MARIA, answered_shop, evolution_rules, upsert, written
from tests.pipeline.hub import Hub
from tests.stubs import Reply

RUN = "/run$"
GROUP = "120363000000000001@g.us"


@pytest.fixture
def shop(hub: Hub) -> Hub:
    """A hub whose agent says hello to everybody."""
    evolution_rules(hub.provider)
    hub.provider.on("POST", RUN, Reply(json={"message": "Hello"}))
    hub.post("/api/v1/instances", answered_shop(hub.provider.url), 201)
    return hub


def evolution_says(hub: Hub, event: dict[str, Any]) -> None:
    assert hub.client.post("/webhook/evolution/shop", json=event).json == {"status": "success", "instance": "shop"}


def brings(hub: Hub, text: str, **key: str) -> None:
    evolution_says(hub, upsert(written(text, **key)))


def last_question(hub: Hub, times: int = 1) -> Any:
    """What the agent was asked last."""
    return hub.provider.wait_for(RUN, times)[-1].json


def test_an_agent_is_asked_as_the_readme_shows(shop: Hub) -> None:
    printed = part(Path("functions/README.md").read_text("utf-8"), "agent")
    brings(shop, "Hello")
    assert last_question(shop) == json.loads(printed.strip().removeprefix("```json").removesuffix("```"))


@pytest.mark.parametrize(
    ("agent", "path"),
    [
        ("my agent", "/api/v1/agent/my%20agent/run"),
        ("../../admin", "/api/v1/agent/..%2F..%2Fadmin/run"),
        ("a#b?c", "/api/v1/agent/a%23b%3Fc/run"),
    ],
)
def test_an_agents_name_is_one_part_of_the_path_whatever_it_holds(shop: Hub, agent: str, path: str) -> None:
    changed = shop.client.put("/api/v1/instances/shop", json={"default_agent": agent}, headers=shop.headers)
    assert changed.status_code == 200
    brings(shop, "oi")
    assert [request.path for request in shop.provider.wait_for(RUN)] == [path]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"locationMessage": {"degreesLatitude": -23.5, "degreesLongitude": -46.25, "address": "Rua 1"}},
            ("location", "Rua 1, -23.5, -46.25"),
        ),
        (
            {"contactMessage": {"displayName": "Zoe", "vcard": "TEL;waid=5511977776666:+55 11"}},
            ("contact", "Zoe, +5511977776666"),
        ),
        ({"audioMessage": {"ptt": True, "mimetype": "audio/ogg"}, "speechToText": "I am late"}, ("audio", "I am late")),
    ],
    ids=["place", "contact", "voice"],
)
def test_an_agent_is_told_in_words_what_is_no_text(
    shop: Hub, message: dict[str, Any], expected: tuple[str, str]
) -> None:
    evolution_says(shop, upsert(written("") | {"message": message, "messageType": next(iter(message))}))
    question = last_question(shop)
    assert (question["message_type"], question["message_content"]) == expected


def test_a_web_page_in_the_agents_place_is_no_answer(shop: Hub) -> None:
    page = Reply(text="<!doctype html><h1>Welcome</h1>", headers={"content-type": "text/html; charset=utf-8"})
    shop.provider.on("POST", RUN, page)
    brings(shop, "oi")
    (notification,) = eventually(lambda: shop.documents("notifications", type="agent_failed"), timeout=30)
    assert "a web page" in notification["message"]
    assert shop.documents("outbox") == []


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_without_a_body_says_nothing_whatever_its_type(shop: Hub, status: int) -> None:
    shop.provider.on("POST", RUN, Reply(status, text="", headers={"content-type": "application/json"}))
    brings(shop, "oi")
    eventually(lambda: shop.conversations() and not shop.conversation().needs_reply_since)
    assert (len(shop.provider.to(RUN)), shop.documents("outbox")) == (1, [])


def test_words_are_an_answer_whatever_type_the_agents_framework_gives_them(shop: Hub) -> None:
    shop.provider.on("POST", RUN, Reply(text="I <3 it", headers={"content-type": "text/html; charset=utf-8"}))
    brings(shop, "oi")
    shop.provider.wait_for("/message/sendText")
    assert shop.sent_texts("/message/sendText") == ["I <3 it"]


def test_in_a_group_an_agent_is_told_who_wrote(shop: Hub) -> None:
    channel_id = shop.documents("instances", tenant_id=shop.tenant_id)[0]["id"]
    shop.patch(f"/api/channels/{channel_id}", {"config": {"groups": "all"}})
    brings(shop, "one", remoteJid=GROUP, participant=MARIA)
    maria = last_question(shop)["user"]
    shop.provider.wait_for("/message/sendText")
    evolution_says(shop, upsert(written("two", remoteJid=GROUP, participant="1009@lid") | {"pushName": "Zoe"}))
    zoe = last_question(shop, 2)["user"]
    assert (maria["phone_number"], maria["user_data"]) == ("+5511988887777", {"name": "Maria", "external_id": MARIA})
    assert (zoe["phone_number"], zoe["user_data"]) == (None, {"name": "Zoe", "external_id": "1009@lid"})
    assert shop.get("/sessions/active")["sessions"][0]["customer_info"] == {"name": "Group", "phone": None}


def test_an_agents_session_stays_the_same_where_the_provider_corrects_an_address(shop: Hub) -> None:
    written_with_nine, without = "5541988887777@s.whatsapp.net", "554188887777@s.whatsapp.net"
    sent = {"key": {"remoteJid": without, "fromMe": True, "id": "OUT-1"}}
    shop.provider.on("POST", "/message/sendText", Reply(201, sent), times=1)
    brings(shop, "one", remoteJid=written_with_nine)
    eventually(lambda: shop.conversations() and shop.conversation().external_conversation_id == without)
    brings(shop, "two", remoteJid=written_with_nine)
    last_question(shop, 2)
    assert {request.json["session_name"] for request in shop.provider.to(RUN)} == {f"shop-{written_with_nine}"}


def test_what_a_customer_took_back_is_not_told_to_an_agent(shop: Hub) -> None:
    # The deletion overtakes its message, so that it is there before anybody is asked.
    deletion = {"remoteJid": MARIA, "fromMe": False, "id": "IN1"}
    evolution_says(shop, {"event": "messages.delete", "instance": "shop", "data": deletion})
    brings(shop, "my password is 123", id="IN1")
    eventually(lambda: shop.conversations() and not shop.conversation().needs_reply_since)
    assert shop.provider.to(RUN) == []
    brings(shop, "good day")
    assert last_question(shop)["message_content"] == "good day"


def test_a_number_that_a_later_message_tells_is_known_from_then_on(shop: Hub) -> None:
    brings(shop, "one", remoteJid="1001@lid")
    assert last_question(shop)["user"]["phone_number"] is None
    brings(shop, "two", remoteJid="1001@lid", remoteJidAlt=MARIA)
    assert last_question(shop, 2)["user"]["phone_number"] == "+5511988887777"
    brings(shop, "three", remoteJid="1001@lid")
    assert last_question(shop, 3)["user"]["phone_number"] == "+5511988887777"
    (session,) = shop.get("/sessions/active")["sessions"]
    assert session["customer_info"] == {"name": "Maria", "phone": "+5511988887777"}
    assert shop.get(f"/customers/{session['customer_id']}/profile")["phone"] == "+5511988887777"


def test_a_number_that_a_message_tells_does_not_replace_what_the_business_wrote_down(shop: Hub) -> None:
    brings(shop, "one", remoteJid="1001@lid")
    last_question(shop)
    profile = f"/customers/{shop.conversation().customer_id}/profile"
    assert shop.client.put(profile, json={"phone": "+4930123456"}, headers=shop.headers).status_code == 200
    brings(shop, "two", remoteJid="1001@lid", remoteJidAlt=MARIA)
    assert last_question(shop, 2)["user"]["phone_number"] == "+4930123456"
    assert shop.get(profile)["phone"] == "+4930123456"
    shop.patch(f"/api/conversations/{shop.conversation().id}", {"status": "CLOSED"})
    brings(shop, "three", remoteJid="1001@lid")
    assert last_question(shop, 3)["user"]["phone_number"] == "+4930123456"
