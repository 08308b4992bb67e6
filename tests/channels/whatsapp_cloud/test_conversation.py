"""A customer's whole way from Meta's webhook to the answer at Meta, and the dialects in which channels are made."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from shared.domain.messages import Direction
from shared.ports.store import Merge, Ref
from shared.usecases.sweep import sweep
from tests import refs
from tests.channels import golden
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Received, Reply

NUMBER, OTHER = "106540352242922", "106540352242923"
SECRET = "the-app-secret"
PERSON = "16505551234"
CONFIG = {"provider": "cloud", "accessToken": "EAAJ", "phoneNumberId": NUMBER, "appSecret": SECRET}


@pytest.fixture
def hub(hub: Hub) -> Hub:
    numbers = count(1)

    def message_accepted(request: Received) -> Reply:
        return Reply(json={"messaging_product": "whatsapp", "messages": [{"id": f"wamid.OUT{next(numbers)}"}]})

    for number in (NUMBER, OTHER):
        hub.provider.on("GET", rf"/{number}\?", Reply(json={"id": number, "verified_name": "Lucky Shrub"}))
        hub.provider.on("POST", f"/{number}/messages", message_accepted)
    return hub


def create(hub: Hub, **config: Any) -> str:
    body = {"name": "Shop", "type": "WHATSAPP", "config": CONFIG | config}
    return str(hub.post("/api/channels", body, 201)["id"])


def call(hub: Hub, path: str, body: Any, secret: str = SECRET, status: int = 200) -> None:
    raw = json.dumps(body).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
    answer = hub.client.post(path, data=raw, headers=headers)
    assert answer.status_code == status, answer.text


def recording(name: str) -> Any:
    return json.loads((golden.HERE / "whatsapp_cloud" / "fixtures" / f"{name}.json").read_text("utf-8"))


def write(hub: Hub, channel_id: str, text: str = "hello", number: str = NUMBER) -> None:
    body = recording("text__plain")
    value = body["entry"][0]["changes"][0]["value"]
    value["metadata"]["phone_number_id"] = number
    value["messages"][0] |= {"id": f"wamid.IN-{text}-{number}", "text": {"body": text}}
    call(hub, f"/webhook/whatsapp_cloud/{channel_id}", body)


def sent(hub: Hub, kind: str = "type") -> list[Any]:
    """The messages that Meta received, or with `status` the read receipts."""
    return [request.json for request in hub.provider.to(r"/messages\?") if kind in request.json]


def last_wrote(hub: Hub, ago: timedelta) -> None:
    """Move the time of the customer's latest message to `ago` before now."""
    at = hub.deps.now() - ago
    hub.deps.store.commit([Merge(Ref("identities", hub.conversation().identity_id), {"last_inbound_at": at})])


def test_customer_is_answered_and_gets_a_read_receipt(hub: Hub) -> None:
    channel_id = create(hub)
    hub.echo_agent()
    write(hub, channel_id)
    eventually(lambda: sent(hub, "status"))
    [answer] = sent(hub)
    assert (answer["to"], answer["text"]["body"]) == (PERSON, "Echo: hello")
    assert sent(hub, "status")[0]["message_id"] == f"wamid.IN-hello-{NUMBER}"
    receipt = recording("status__delivered")
    receipt["entry"][0]["changes"][0]["value"]["statuses"][0]["id"] = "wamid.OUT1"
    call(hub, f"/webhook/whatsapp_cloud/{channel_id}", receipt)
    eventually(lambda: [each.status for each in hub.messages(Direction.OUTBOUND)] == ["delivered"])


def test_file_of_a_customer_is_fetched_on_demand(hub: Hub) -> None:
    channel_id = create(hub)
    about = {"url": f"{hub.provider.url}/cdn", "mime_type": "image/jpeg"}
    hub.provider.on("GET", "/1003383421387256", Reply(json=about))
    hub.provider.on("GET", "^/cdn", Reply(content=b"\xff\xd8\xff", headers={"content-type": "image/jpeg"}))
    call(hub, f"/webhook/whatsapp_cloud/{channel_id}", recording("image__caption"))
    [message] = eventually(lambda: hub.messages(Direction.INBOUND))
    answer = hub.client.get(f"/media/{message.id}-0", headers=hub.headers)
    assert (answer.status_code, answer.data) == (200, b"\xff\xd8\xff")


def test_one_address_serves_all_numbers(hub: Hub) -> None:
    create(hub)
    create(hub, phoneNumberId=OTHER)
    call(hub, "/webhook/whatsapp_cloud", recording("batch__entries-changes-messages-statuses"))
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 3)
    assert len({each.instance_id for each in hub.conversations()}) == 2


def test_another_number_at_ones_own_address_is_that_numbers(hub: Hub) -> None:
    channel_id = create(hub)
    other = create(hub, phoneNumberId=OTHER)
    write(hub, channel_id, number=OTHER)
    eventually(lambda: [each.instance_id for each in hub.conversations()] == [other])


def test_number_of_somebody_with_another_secret_is_not_reached_through_ones_own_address(hub: Hub) -> None:
    channel_id = create(hub)
    hub.register("other@example.com")
    create(hub, phoneNumberId=OTHER, appSecret="their-secret")
    other_tenant_id = hub.tenant_id
    write(hub, channel_id, number=OTHER)
    eventually(lambda: hub.documents("messages"))
    assert hub.documents("messages", tenant_id=other_tenant_id) == []


def test_badly_signed_call_is_refused_at_both_addresses(hub: Hub) -> None:
    channel_id = create(hub)
    for path in (f"/webhook/whatsapp_cloud/{channel_id}", "/webhook/whatsapp_cloud"):
        call(hub, path, recording("text__plain"), secret="guess", status=401)


def test_customer_who_changes_their_number_stays_the_same(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    before = hub.conversation()
    call(hub, f"/webhook/whatsapp_cloud/{channel_id}", recording("system__number-changed"))
    eventually(lambda: hub.conversation().external_conversation_id == "12195555358")
    body = recording("text__plain")
    body["entry"][0]["changes"][0]["value"]["messages"][0] |= {"id": "wamid.NEW", "from": "12195555358"}
    call(hub, f"/webhook/whatsapp_cloud/{channel_id}", body)
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 2)
    assert (hub.conversation().id, hub.conversation().customer_id) == (before.id, before.customer_id)


def test_customer_who_hides_their_number_later_stays_the_same(hub: Hub) -> None:
    channel_id = create(hub)
    path = f"/webhook/whatsapp_cloud/{channel_id}"
    call(hub, path, recording("text__number-and-user-id"))
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 1)
    call(hub, path, recording("text__hidden-number"))
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 2)
    assert len(hub.conversations()) == 1


def test_stop_inside_whatsapp_is_an_opt_out(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    customer_id = hub.conversation().customer_id
    call(hub, f"/webhook/whatsapp_cloud/{channel_id}", recording("preference__stop"))
    eventually(lambda: hub.documents("customers", id=customer_id)[0].get("opt_outs"))
    [verdict] = hub.post(f"/sessions/{hub.conversation().id}/can-send", {})["channels"]
    assert (verdict["can_send"], verdict["reason"]) == (False, "opted_out")


def test_template_and_choices_go_out_by_both_dialects(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    session = hub.conversation().id
    template = {"name": "order_shipped", "language": "en_US", "parameters": ["42"]}
    accepted = hub.post("/api/messages/send", {"conversationId": session, "template": template}, 202)
    eventually(lambda: len(sent(hub)) == 1)
    hub.post("/messages/send", {"session_id": session, "template": template, "content": "Order 42 is coming"}, 202)
    eventually(lambda: len(sent(hub)) == 2)
    choices = [{"id": "y", "title": "Yes"}, {"id": "n", "title": "No"}]
    question = hub.post("/api/messages/send", {"conversationId": session, "text": "Sure?", "choices": choices}, 202)
    assert question["message"]["type"] == "interactive"
    eventually(lambda: len(sent(hub)) == 3)
    assert [body["type"] for body in sent(hub)] == ["template", "template", "interactive"]
    stored = hub.documents("messages", id=accepted["message"]["id"])[0]
    assert stored["extra"]["template"] == template
    assert [message.text for message in hub.messages(Direction.OUTBOUND)] == [None, "Order 42 is coming", "Sure?"]


def test_templates_header_and_buttons_are_taken_by_both_dialects_and_campaigns(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    session = hub.conversation().id
    template = {
        "name": "order_shipped",
        "language": "en_US",
        "parameters": ["42"],
        "header": {"type": "document", "link": "https://shop.example/42.pdf", "filename": "42.pdf"},
        "buttons": [{"type": "quick_reply", "index": 0, "payload": "stop"}],
    }
    accepted = hub.post("/api/messages/send", {"conversationId": session, "template": template}, 202)
    hub.post("/messages/send", {"session_id": session, "template": template}, 202)
    eventually(lambda: len(sent(hub)) == 2)
    first, second = (body["template"]["components"] for body in sent(hub))
    assert first == second
    assert [component["type"] for component in first] == ["header", "body", "button"]
    assert hub.documents("messages", id=accepted["message"]["id"])[0]["extra"]["template"] == template


@pytest.mark.parametrize(
    ("filling", "reason"),
    [
        ({"header": {"type": "image", "text": "x"}}, "a template's header of type image wants link, and no text"),
        ({"header": {"type": "text", "link": "https://x.example"}}, "wants text, and no link"),
        ({"header": {"type": "image", "link": "file:///etc/passwd"}}, "link"),
        ({"header": {"type": "image", "link": "https://x.example", "filename": "x"}}, "only a document"),
        ({"header": {"type": "location"}}, "header"),
        ({"buttons": [{"type": "url", "index": 0, "payload": "x"}]}, "button of type url wants text, and no payload"),
        ({"buttons": [{"type": "quick_reply", "index": 10, "payload": "x"}]}, "index"),
        ({"buttons": [{"type": "url", "index": 1, "text": str(n)} for n in (1, 2)]}, "the same index"),
    ],
)
def test_template_that_is_filled_wrongly_is_refused_with_the_reason(
    hub: Hub, filling: dict[str, Any], reason: str
) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    session = hub.conversation().id
    template = {"name": "order_shipped", "language": "en_US", **filling}
    for path, target in (("/api/messages/send", "conversationId"), ("/messages/send", "session_id")):
        answer = hub.client.post(path, json={target: session, "template": template}, headers=hub.headers)
        assert answer.status_code in (400, 422), answer.text
        assert reason in answer.text
    assert sent(hub) == []


def test_window_is_told_before_and_decides_after(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    session = hub.conversation().id
    [verdict] = hub.post(f"/sessions/{session}/can-send", {})["channels"]
    assert (verdict["channel"], verdict["can_send"], verdict["template_required"]) == ("whatsapp", True, False)
    assert verdict["window_closes_at"] is not None
    last_wrote(hub, timedelta(hours=25))
    [verdict] = hub.post(f"/sessions/{session}/can-send", {})["channels"]
    assert (verdict["can_send"], verdict["reason"], verdict["template_required"]) == (True, "window_closed", True)
    error = {"error": {"message": "Re-engagement message", "code": 131047}}
    hub.provider.on("POST", f"/{NUMBER}/messages", Reply(400, error))
    accepted = hub.post("/api/messages/send", {"conversationId": session, "text": "Still there?"}, 202)
    item = accepted["message"]["id"]
    eventually(lambda: hub.documents("outbox", id=item)[0]["status"] == "DEAD")
    assert hub.documents("outbox", id=item)[0]["reason"] == "outside_window"


def test_text_that_meta_must_refuse_is_refused_at_once_and_a_template_is_not(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    session = hub.conversation().id
    last_wrote(hub, timedelta(hours=73))
    refused = hub.post("/api/messages/send", {"conversationId": session, "text": "Still there?"}, 422)
    assert refused["detail"].startswith("outside_window: ")
    hub.post("/messages/send", {"session_id": session, "content": "Still there?"}, 422)
    template = {"name": "come_back", "language": "de"}
    hub.post("/api/messages/send", {"conversationId": session, "template": template}, 202)
    eventually(lambda: [body["type"] for body in sent(hub)] == ["template"])


def test_campaign_sends_its_template(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    customer_id = hub.conversation().customer_id
    last_wrote(hub, timedelta(days=30))
    settings = {"whatsapp": {"template": {"name": "summer_sale", "language": "en", "parameters": ["10 %"]}}}
    audience = {"customer_ids": [customer_id]}
    campaign = {"name": "Sale", "channels": ["whatsapp"], "message": "Sale!", "audience": audience}
    campaign_id = hub.post("/campaigns", campaign, 201)["campaign_id"]
    path = f"/campaigns/{campaign_id}/channels"
    answer = hub.client.put(path, json={"channels": ["whatsapp"], "settings": settings}, headers=hub.headers)
    assert answer.status_code == 200, answer.text
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    sweep(hub.deps)
    [body] = eventually(lambda: sent(hub))
    assert body["template"]["name"] == "summer_sale"
    assert hub.messages(Direction.OUTBOUND)[0].text == "Sale!"


def test_omni_hub_and_dashboard_make_cloud_channels_too(hub: Hub) -> None:
    fields = {"provider": "cloud", "access_token": "EAAJ", "phone_number_id": NUMBER}
    agent = {"agent_api_url": hub.provider.url, "agent_api_key": "key", "default_agent": "support"}
    body = {"name": "meta", "channel_type": "whatsapp", "config": fields, **agent}
    hub.post("/api/v1/instances", body, 201)
    assert [each["adapter"] for each in hub.get("/api/channels")] == ["whatsapp_cloud"]
    config = {"provider": "cloud", "api_key": "EAAJ2", "phone_number_id": NUMBER}
    hub.post("/channels/whatsapp/configure", {"config": config})
    assert len(hub.get("/api/channels")) == 1
    hub.post("/channels/whatsapp/configure", {"config": {"evolution_key": "k"}})
    tried = hub.post("/integrations/whatsapp/test", config)
    assert tried["success"] is True
    assert hub.get("/channels/whatsapp/status")["status"] in ("connected", "not_configured", "error", "disconnected")


def test_unknown_provider_is_refused_with_the_known_ones(hub: Hub) -> None:
    body = {"name": "Shop", "type": "WHATSAPP", "config": {"provider": "carrier-pigeon"}}
    assert "evolution, cloud" in hub.post("/api/channels", body, 400)["detail"]


def test_meta_is_answered_when_it_asks_whether_an_address_is_ours(hub: Hub) -> None:
    channel_id = create(hub, verifyToken="agreed")
    query = {"hub.mode": "subscribe", "hub.verify_token": "agreed", "hub.challenge": "1158201444"}
    answer = hub.client.get(f"/webhook/whatsapp_cloud/{channel_id}", query_string=query)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert hub.client.get("/webhook/whatsapp_cloud", query_string=query).status_code == 403


def _receipt(hub: Hub, channel_id: str, name: str, external_id: str, part_id: str) -> None:
    """Meta tells what became of a message, with what was sent along."""
    receipt = recording(name)
    about = {"id": external_id, "biz_opaque_callback_data": part_id}
    receipt["entry"][0]["changes"][0]["value"]["statuses"][0] |= about
    call(hub, f"/webhook/whatsapp_cloud/{channel_id}", receipt)


def _send_without_answer(hub: Hub) -> tuple[str, str]:
    """Send "Hi", which Meta takes without a word; returns the ids of the channel and the message."""
    channel_id = create(hub)
    write(hub, channel_id)
    session = eventually(hub.conversations)[0].id
    hub.provider.on("POST", r"/messages\?", Reply(drop=True))
    message_id = hub.post("/api/messages/send", {"conversationId": session, "text": "Hi"}, 202)["message"]["id"]
    eventually(lambda: hub.documents("outbox", id=message_id)[0]["reason"] == "outcome_unknown")
    return channel_id, message_id


def test_a_receipt_settles_a_message_whose_answer_was_lost(hub: Hub) -> None:
    channel_id, message_id = _send_without_answer(hub)
    assert sent(hub)[-1]["biz_opaque_callback_data"] == message_id
    _receipt(hub, channel_id, "status__delivered", "wamid.LOST", message_id)
    eventually(lambda: [each.status for each in hub.messages(Direction.OUTBOUND)] == ["delivered"])
    assert hub.documents("outbox", id=message_id)[0]["status"] == "SENT"
    assert hub.messages(Direction.OUTBOUND)[0].external_message_id == "wamid.LOST"


def test_a_receipt_that_comes_before_the_answer_to_the_sending_is_not_undone_by_it(hub: Hub) -> None:
    channel_id = create(hub)
    write(hub, channel_id)
    session = eventually(hub.conversations)[0].id

    def take(request: Received) -> Reply:
        if request.json.get("text", {}).get("body") != "Hi":
            return Reply(json={"messaging_product": "whatsapp", "messages": [{"id": "wamid.AFTER"}]})
        _receipt(hub, channel_id, "status__delivered", "wamid.FAST", request.json["biz_opaque_callback_data"])
        eventually(lambda: "delivered" in [each.status for each in hub.messages(Direction.OUTBOUND)])
        return Reply(json={"messaging_product": "whatsapp", "messages": [{"id": "wamid.FAST"}]})

    hub.provider.on("POST", r"/messages\?", take)
    hub.post("/api/messages/send", {"conversationId": session, "text": "Hi"}, 202)
    after = hub.post("/api/messages/send", {"conversationId": session, "text": "And"}, 202)["message"]["id"]
    eventually(lambda: hub.documents("outbox", id=after)[0]["status"] == "SENT")
    assert [each.status for each in hub.messages(Direction.OUTBOUND)] == ["delivered", "sent"]


def test_a_receipt_about_another_channels_message_settles_nothing(hub: Hub) -> None:
    channel_id, message_id = _send_without_answer(hub)
    hub.store.commit([Merge(refs.outbox(message_id), {"instance_id": "another"})])
    _receipt(hub, channel_id, "status__delivered", "wamid.LOST", message_id)
    eventually(lambda: [document for document in hub.documents("messages") if "early" in document])
    assert hub.documents("outbox", id=message_id)[0]["status"] == "DEAD"
