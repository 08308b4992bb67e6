"""Accounts at providers that differ in how they name accounts, customers and messages, and in what they answer.

Two pages and two numbers share an address each, so that only a call's content
says whose it is; Slack names a message by its time within a channel; Twilio
signs the address; a mail comes in an envelope and has names of its own for
everything. People of different accounts have the same names wherever a provider
gives them out by account.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from tests.channels.amazon import Signer, notification
from tests.crash.driver import Driver
from tests.crash.ledger import Ledger
from tests.crash.sender import Call
from tests.stubs import Received, Reply, Stub

_SECRET = "secret-of-the-account"
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Account:
    """`writes(n, text)` is the call in which its n-th customer says something, `chat(n)` the ledger's name for them."""

    writes: Callable[[int, str], Call]
    chat: Callable[[int], str]


def accounts_of_every_kind(hub: Driver, provider: Stub, ledger: Ledger, signer: Signer) -> list[Account]:
    """Create their channels; the stub plays all of their providers and accepts everything.

    The accounts are others each time: functions that several tests share keep for a while whose one is.
    """
    first = random.randrange(10**14, 10**15, 10)
    return [
        _facebook_page(hub, provider, ledger, str(first)),
        _facebook_page(hub, provider, ledger, str(first + 1)),
        _whatsapp_number(hub, provider, ledger, str(first + 2)),
        _whatsapp_number(hub, provider, ledger, str(first + 3)),
        _slack_workspace(hub, provider, ledger, f"T{first}"),
        _text_messages(hub, provider, ledger),
        _mailbox(hub, provider, ledger, signer),
    ]


def calls_and_chats(accounts: Sequence[Account], customers: int) -> tuple[list[list[Call]], dict[str, str]]:
    """Calls of each account's customers, and for each text the chat of its answer."""
    calls, chats = [], {}
    for place, account in enumerate(accounts, 1):
        for n in range(1, customers + 1):
            text = f"m{place * 1000 + n}.0"
            calls.append([account.writes(n, text)])
            chats[text] = account.chat(n)
    return calls, chats


def _channel(hub: Driver, name: str, channel_type: str, config: Mapping[str, Any], **more: str) -> str:
    body = {"name": name, "type": channel_type, "config": config} | more
    return str(hub.post("/api/channels", body, 201)["id"])


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def _by_meta(url: str, body: bytes) -> Mapping[str, str]:
    return _JSON | {"x-hub-signature-256": "sha256=" + hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()}


def _facebook_page(hub: Driver, provider: Stub, ledger: Ledger, page: str) -> Account:
    def sent(request: Received) -> tuple[str, str]:
        return f"{page} {request.json['recipient']['id']}", request.json["message"]["text"]

    def answered(request: Received, number: int) -> Reply:
        return Reply(json={"recipient_id": request.json["recipient"]["id"], "message_id": f"m_OUT{number}"})

    def writes(n: int, text: str) -> Call:
        now = int(time.time() * 1000)
        message = {"mid": f"m_{page}{n}", "text": text}
        about = {"sender": {"id": f"45678{n}"}, "recipient": {"id": page}, "timestamp": now, "message": message}
        body = {"object": "page", "entry": [{"id": page, "time": now, "messaging": [about]}]}
        return Call("/api/facebook/webhook", text, _encoded(body), _by_meta)

    provider.on("GET", r"/me\?", Reply(json={"id": page, "name": f"Page {page}"}))
    provider.on("POST", f"/{page}/messages", ledger.takes(sent, answered))
    _channel(hub, f"Page {page}", "FACEBOOK", {"pageAccessToken": "EAAB", "appSecret": _SECRET})
    return Account(writes, lambda n: f"{page} 45678{n}")


def _whatsapp_number(hub: Driver, provider: Stub, ledger: Ledger, number_id: str) -> Account:
    def sent(request: Received) -> tuple[str, str]:
        return f"{number_id} {request.json['to']}", request.json["text"]["body"]

    def answered(request: Received, number: int) -> Reply:
        return Reply(json={"messaging_product": "whatsapp", "messages": [{"id": f"wamid.OUT{number}"}]})

    take = ledger.takes(sent, answered)

    def messages(request: Received) -> Reply:
        """Read receipts are posted to the same address."""
        return Reply(json={"success": True}) if request.json.get("status") == "read" else take(request)

    def writes(n: int, text: str) -> Call:
        message = {"from": f"16505551{n:03}", "id": f"wamid.{number_id}{n}", "timestamp": str(int(time.time()))}
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": number_id},
            "contacts": [{"profile": {"name": f"Customer {n}"}, "wa_id": f"16505551{n:03}"}],
            "messages": [message | {"type": "text", "text": {"body": text}}],
        }
        entry = {"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}
        body = {"object": "whatsapp_business_account", "entry": [entry]}
        return Call("/webhook/whatsapp_cloud", text, _encoded(body), _by_meta)

    provider.on("GET", rf"/{number_id}\?", Reply(json={"id": number_id, "verified_name": "Shop"}))
    provider.on("POST", f"/{number_id}/messages", messages)
    config = {"provider": "cloud", "accessToken": "EAAJ", "phoneNumberId": number_id, "appSecret": _SECRET}
    _channel(hub, f"Number {number_id}", "WHATSAPP", config)
    return Account(writes, lambda n: f"{number_id} 16505551{n:03}")


def _slack_workspace(hub: Driver, provider: Stub, ledger: Ledger, team: str) -> Account:
    def sent(request: Received) -> tuple[str, str]:
        return request.json["channel"], request.json["text"]

    def answered(request: Received, number: int) -> Reply:
        return Reply(json={"ok": True, "channel": request.json["channel"], "ts": f"1735700000.{number % 10**6:06}"})

    def proof(url: str, body: bytes) -> Mapping[str, str]:
        now = str(int(time.time()))
        signature = hmac.new(_SECRET.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
        return _JSON | {"x-slack-request-timestamp": now, "x-slack-signature": f"v0={signature}"}

    def writes(n: int, text: str) -> Call:
        # In another channel the same time is another message.
        message = {"type": "message", "user": f"U{n}", "channel": f"D{n}", "channel_type": "im", "team": team}
        event = message | {"text": text, "ts": "1735689600.000200", "event_ts": "1735689600.000200"}
        about = {"team_id": team, "api_app_id": "A0MDYCDME", "event_id": f"Ev{n}", "event_time": 1735689600}
        body = about | {"type": "event_callback", "event": event}
        return Call("/webhook/slack", text, _encoded(body), proof)

    identity = {"ok": True, "team": "Acme", "team_id": team, "user_id": "U0LAN0Z89", "bot_id": "B0LAN0Z90"}
    for method in ("GET", "POST"):
        provider.on(method, "/auth.test", Reply(json=identity))
        provider.on(method, "/bots.info", Reply(json={"ok": True, "bot": {"app_id": "A0MDYCDME"}}))
        provider.on(method, "/users.info", Reply(json={"ok": True, "user": {"profile": {"display_name": "ann"}}}))
    provider.on("POST", "/chat.postMessage", ledger.takes(sent, answered))
    _channel(hub, "Team", "SLACK", {"botToken": "xoxb-1", "signingSecret": _SECRET})
    return Account(writes, lambda n: f"D{n}")


def _text_messages(hub: Driver, provider: Stub, ledger: Ledger) -> Account:
    account, business_number = "AC00000000000000000000000000000001", "+14155550100"

    def sent(request: Received) -> tuple[str, str]:
        fields = parse_qs(request.body.decode())
        return fields["To"][0], fields["Body"][0]

    def answered(request: Received, number: int) -> Reply:
        return Reply(201, {"sid": f"SM{number:032}", "status": "queued"})

    def proof(url: str, body: bytes) -> Mapping[str, str]:
        signature = RequestValidator(_SECRET).compute_signature(url, dict(parse_qsl(body.decode())))
        return {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}

    number = {"sid": "PN00000000000000000000000000000001", "phone_number": business_number}
    provider.on("GET", r"IncomingPhoneNumbers\.json", Reply(json={"incoming_phone_numbers": [number]}))
    provider.on("POST", r"/Messages\.json$", ledger.takes(sent, answered))
    config = {"twilioAccountSid": account, "authToken": _SECRET, "phoneNumber": business_number, "pacePerSecond": 0}
    path = f"/webhook/sms/{_channel(hub, 'Texts', 'SMS', config)}"

    def writes(n: int, text: str) -> Call:
        message = {"MessageSid": f"SM{n:032}", "AccountSid": account, "From": f"+1415555{n:04}", "To": business_number}
        return Call(path, text, urlencode(message | {"Body": text, "NumMedia": "0"}).encode(), proof)

    return Account(writes, lambda n: f"+1415555{n:04}")


def _mailbox(hub: Driver, provider: Stub, ledger: Ledger, signer: Signer) -> Account:
    topic = "arn:aws:sns:eu-west-1:123456789012:support-mail"
    mailbox = "support@shop.example"

    def sent(request: Received) -> tuple[str, str]:
        mail = message_from_bytes(base64.b64decode(request.json["Content"]["Raw"]["Data"]), policy=default)
        return str(mail["To"]), mail.get_content().strip()

    def answered(request: Received, number: int) -> Reply:
        return Reply(json={"MessageId": f"ses-out-{number}"})

    provider.on("GET", r"/SimpleNotificationService-1\.pem$", Reply(content=signer.certificate))
    provider.on("GET", r"/v2/email/identities/", Reply(json={"VerifiedForSendingStatus": True}))
    provider.on("POST", r"/v2/email/outbound-emails$", ledger.takes(sent, answered))
    key = {"region": "eu-west-1", "accessKeyId": "AKIA1", "secretAccessKey": _SECRET}
    config = key | {"address": mailbox, "webhookSecret": "token-in-the-address"}
    path = f"/webhook/email_ses/{_channel(hub, 'Mail', 'EMAIL', config)}?token=token-in-the-address"
    passed = dict.fromkeys(("spamVerdict", "virusVerdict", "spfVerdict", "dkimVerdict", "dmarcVerdict"), "PASS")
    verdicts = {name: {"status": status} for name, status in passed.items()}

    def writes(n: int, text: str) -> Call:
        person = f"customer-{n}@customer.example"
        head = [f"From: {person}", f"To: {mailbox}", "Subject: Order", f"Message-ID: <{n}@customer.example>"]
        mail = {"timestamp": "2026-11-20T20:32:33.936Z", "source": person, "messageId": f"ses-in-{n}"}
        receipt = {"recipients": [mailbox], "action": {"type": "SNS", "topicArn": topic}, **verdicts}
        content = "\r\n".join([*head, "", text])
        received_mail = {"notificationType": "Received", "mail": mail, "receipt": receipt, "content": content}
        signed = signer.sign(notification(topic, received_mail), f"{provider.url}/SimpleNotificationService-1.pem")
        return Call(path, text, _encoded(signed), partial(_by_sns, topic))

    return Account(writes, lambda n: f"customer-{n}@customer.example")


def _by_sns(topic: str, url: str, body: bytes) -> Mapping[str, str]:
    return {"content-type": "text/plain", "x-amz-sns-topic-arn": topic}
