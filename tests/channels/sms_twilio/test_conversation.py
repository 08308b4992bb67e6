"""A customer writes a text message and is answered; what becomes of the answer; and STOP."""

from __future__ import annotations

from typing import Any

from shared.domain.messages import Direction, MessageStatus
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Reply
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CUSTOMER, PUBLIC, TOKEN, field, form, posts


def connected(hub: Hub) -> str:
    """Configure the channel as the Dashboard does; returns its webhook's path."""
    body = {"twilio_account_sid": ACCOUNT, "phone_number": BUSINESS_NUMBER, "api_key": TOKEN}
    assert hub.post("/channels/sms/configure", body) == {
        "success": True,
        "channel_id": "sms-1",
        "status": "configured",
    }
    [entered] = hub.provider.to(r"IncomingPhoneNumbers/PN")
    return field(entered, "SmsUrl").removeprefix(PUBLIC)


def received(text: str, sid: str, **more: str) -> dict[str, str]:
    return {
        "MessageSid": sid,
        "AccountSid": ACCOUNT,
        "From": CUSTOMER,
        "To": BUSINESS_NUMBER,
        "Body": text,
        "NumMedia": "0",
    } | more


def test_a_text_is_answered_from_the_number_it_came_to(hub: Hub) -> None:
    path = connected(hub)
    hub.echo_agent()
    answer = posts(hub.client, path, received("Hello hub", "SM1"))
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert answer.text.endswith("<Response/>")
    [sent] = hub.provider.wait_for(r"/Messages\.json")
    assert (field(sent, "Body"), field(sent, "To"), field(sent, "From")) == (
        "Echo: Hello hub",
        CUSTOMER,
        BUSINESS_NUMBER,
    )
    posts(hub.client, path, received("Hello hub", "SM1"))
    status = {"MessageSid": f"SM{1:032}", "MessageStatus": "delivered", "To": CUSTOMER, "From": BUSINESS_NUMBER}
    assert posts(hub.client, field(sent, "StatusCallback"), status).status_code == 200
    eventually(lambda: [m.status for m in hub.messages(Direction.OUTBOUND)] == [MessageStatus.DELIVERED])
    posts(hub.client, field(sent, "StatusCallback"), status | {"MessageStatus": "sent"})
    assert len(hub.messages(Direction.INBOUND)) == 1
    [session] = hub.get("/sessions/active")["sessions"]
    assert session["customer_info"]["phone"] == CUSTOMER


def test_a_message_that_was_not_delivered_says_why(hub: Hub) -> None:
    path = connected(hub)
    hub.echo_agent()
    posts(hub.client, path, received("Hello", "SM1"))
    [sent] = hub.provider.wait_for(r"/Messages\.json")
    failed = {"MessageSid": f"SM{1:032}", "MessageStatus": "undelivered", "ErrorCode": "30006", "To": CUSTOMER}
    posts(hub.client, field(sent, "StatusCallback"), failed)
    [message] = eventually(lambda: [m for m in hub.messages() if m.status is MessageStatus.DEAD])
    assert "landline" in (message.error or "")


def test_stop_is_stored_and_kept_and_not_answered_and_start_takes_it_back(hub: Hub) -> None:
    path = connected(hub)
    hub.echo_agent()
    posts(hub.client, path, received("STOP", "SM1"))
    eventually(lambda: [each for each in hub.documents("customers") if each.get("opt_outs")])
    assert [message.text for message in hub.messages()] == ["STOP"]
    assert hub.conversation().needs_reply_since is None
    posts(hub.client, path, received("START", "SM2"))
    eventually(lambda: not hub.documents("customers")[0]["opt_outs"])
    [answered] = hub.provider.wait_for(r"/Messages\.json")
    assert field(answered, "Body") == "Echo: START"


def test_an_unsigned_call_is_refused(hub: Hub) -> None:
    path = connected(hub)
    assert hub.client.post(path, data=received("Hello", "SM1")).status_code == 401
    assert posts(hub.client, path, received("Hello", "SM1"), token="another").status_code == 401
    assert hub.conversations() == []


def test_a_session_with_a_customer_who_has_a_phone_reaches_them(hub: Hub) -> None:
    path = connected(hub)
    posts(hub.client, path, received("Hello", "SM1"))
    customer_id = hub.conversation().customer_id
    session: Any = hub.post("/sessions/create", {"customer_id": customer_id, "channel_type": "sms"})
    hub.post("/messages/send", {"session_id": session["session_id"], "content": "We call you", "type": "text"}, 202)
    [sent] = hub.provider.wait_for(r"/Messages\.json")
    assert form(sent)["Body"] == ["We call you"]


def test_the_omnichat_dialect_makes_and_checks_the_channel_too(hub: Hub) -> None:
    config = {"twilioAccountSid": ACCOUNT, "authToken": TOKEN, "phoneNumber": BUSINESS_NUMBER}
    channel: Any = hub.post("/api/channels", {"name": "Texts", "type": "SMS", "config": config}, 201)
    assert TOKEN not in str(channel)
    [integration, provider] = hub.get("/integrations/status")["integrations"]
    assert (integration["type"], integration["status"]) == ("sms", "connected")
    assert (provider["type"], provider["status"]) == ("twilio", "connected")
    assert hub.get("/channels/sms/status")["health"] == "healthy"
    for name in ("sms", "twilio"):
        tried = hub.post(f"/integrations/{name}/test", {})
        assert (tried["success"], tried["test_result"]) == (True, "Connection successful")


def test_paragraphs_of_an_answer_are_one_text_without_marks_for_each_text_is_paid(hub: Hub) -> None:
    hub.provider.on(
        "POST", "/api/v1/agent/support/run", Reply(json={"message": "**Hi** Ann\n\nit *is* on\n\n- its way"})
    )
    path = connected(hub)
    agent = {"agent_api_url": hub.provider.url, "agent_api_key": "key", "default_agent": "support"}
    [instance] = hub.documents("instances", tenant_id=hub.tenant_id)
    assert hub.client.put(f"/api/v1/instances/{instance['name']}", json=agent, headers=hub.headers).status_code == 200
    posts(hub.client, path, received("Hello", "SM1"))
    [sent] = hub.provider.wait_for(r"/Messages\.json")
    assert eventually(hub.idle)
    assert field(sent, "Body") == "Hi Ann\n\nit is on\n\n- its way"
    assert len(hub.provider.to(r"/Messages\.json")) == 1
