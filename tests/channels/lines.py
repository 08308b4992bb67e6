"""How each channel's provider calls the running hub: a line for each channel, and a caller who keeps to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from shared import channels
from shared.domain.customers import Customer
from shared.domain.messages import Author, Message
from shared.ports.store import Create
from shared.security.tokens import VisitorClaims, sign, span
from shared.usecases import refs
from tests.channels import golden
from tests.channels.amazon import Signer
from tests.channels.proofs import PROOFS, SECRET, Call
from tests.pipeline.hub import Hub
from tests.stubs import Stub

PUBLIC = "https://hub.example.com"
CUSTOMER = "5f0c1d2e3a4b5c6d7e8f9aff"


def _as_json(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    return json.dumps(body).encode(), {"content-type": "application/json"}


def as_form(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    return urlencode(body).encode(), {}


def _by_amazon(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    """As SNS posts it: signed by Amazon for whatever topic it is; whose it is shows in the address."""
    signed = signer.sign(body, f"{provider.url}/SimpleNotificationService-1.pem")
    return json.dumps(signed).encode(), {"content-type": "text/plain", "x-amz-sns-topic-arn": body["TopicArn"]}


def _by_visitor(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"text": body["text"], "nonce": body["nonce"]}).encode(), {"content-type": "application/json"}


def _proof(name: str, instance_id: str, call: Call) -> dict[str, str]:
    return PROOFS[name].headers(call)


def _visitor(name: str, instance_id: str, call: Call) -> dict[str, str]:
    """The widget's door also wants to see for which widget a token is."""
    issued, expires = span(call.at, 600)
    claims = VisitorClaims(
        user_id="v1", tenant_id="t1", instance_id=instance_id, type="visitor", iat=issued, exp=expires
    )
    return {"authorization": f"Bearer {sign(claims, call.secret * 2)}"}


def _nothing(hub: Hub) -> None:
    pass


def _video_session(hub: Hub) -> None:
    """Rooms belong to sessions that the business began."""
    now = hub.deps.now()
    person = Customer(id=CUSTOMER, tenant_id=hub.tenant_id, created_at=now, updated_at=now)
    hub.store.commit([Create(refs.customer(CUSTOMER), person.model_dump())])
    hub.post("/sessions/create", {"customer_id": CUSTOMER, "channel_type": "video"})


@dataclass(frozen=True, kw_only=True)
class Line:
    """A channel's recordings: `message` is a customer's, in which `id` makes it this one; `echo` is word of our own.

    `posted` gives a recording's body as the provider posts it, with the headers that are no proof. `dated` proofs are
    good for some minutes only. Where `answered` is false nobody ever answers, where `echo_kept` is true the echo is a
    message of somebody that is stored and not answered.
    """

    message: str
    id: str
    echo: str
    posted: Callable[[Any, Signer, Stub], tuple[bytes, dict[str, str]]] = _as_json
    proof: Callable[[str, str, Call], dict[str, str]] = _proof
    path: str = "/webhook/{name}/{id}"
    before: Callable[[Hub], None] = _nothing
    taken: int = 200
    dated: bool = False
    answered: bool = True
    echo_kept: bool = False


LINES = {
    "whatsapp_evolution": Line(
        message="in-conversation", id="ACA139DEF1027FE1A94D214C7D2CCE64", echo="in-from-me-phone"
    ),
    "telegram_bot": Line(message="message__text", id='"message_id": 41', echo="business_message__own-echo"),
    "whatsapp_cloud": Line(message="text__plain", id="wamid.HBgLMTY1MDM4Nzk0MzkV", echo="echo__from-business-app"),
    "facebook": Line(
        message="message__text", id="m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM", echo="message_echo__own-following-text"
    ),
    "email_ses": Line(
        message="received__plain",
        id="d6iitobk75ur44p8kdnnp7g2n800",
        # SES does not give us our own mails; what comes back is what machines make of them.
        echo="received__out-of-office",
        echo_kept=True,
        posted=_by_amazon,
    ),
    "discord": Line(
        message="command__in-direct-message", id="1308922111111111169", echo="gateway_message__own", dated=True
    ),
    "slack": Line(message="message_im__text", id="1735689600.000200", echo="message_bot__own-echo", dated=True),
    # Neither provider of text messages shows us our own, they only tell what became of them.
    "sms_twilio": Line(
        message="message__text", id="SM00000000000000000000000000000001", echo="status__sent", posted=as_form
    ),
    "sms_sns": Line(
        message="message__text", id="cae173d2-66b9-564c-8309-21f858e9fb84", echo="event__sent", posted=_by_amazon
    ),
    "voice": Line(message="gather__speech", id='"5fa"', echo="outbound__in-progress", posted=as_form),
    "video": Line(
        message="participant__customer-connected",
        id="PA00000000000000000000000000000001",
        echo="participant__agent-connected",
        posted=as_form,
        before=_video_session,
        answered=False,
        echo_kept=True,
    ),
    "widget": Line(
        message="message__text",
        id='"n1"',
        # A visitor's token is all there is at this door: nothing of ours comes in by it.
        echo="",
        posted=_by_visitor,
        proof=_visitor,
        path="/widget/{id}/messages",
        taken=202,
    ),
}
NO_WEBHOOK = {"telegram_user": "all comes over the account's own connection, and the webhook refuses everything"}


class Caller:
    """A provider with a channel of the tenant that acts now, which knows `secret`."""

    def __init__(self, hub: Hub, name: str, signer: Signer, secret: str = SECRET) -> None:
        self.hub, self.name, self.signer, self.secret, self.line = hub, name, signer, secret, LINES[name]
        type_ = channels.type_of(name).value.upper()
        body = {"name": f"Line {secret}", "type": type_, "adapter": name, "config": PROOFS[name].config(secret)}
        self.id = str(hub.post("/api/channels", body, 201)["id"])

    def body(self, recording: str, number: int = 1) -> tuple[bytes, dict[str, str]]:
        """The recording as it is posted; of another number it is another message of the same chat."""
        [path] = [found for found in golden.recordings(self.name) if found.stem == recording]
        text = json.dumps(json.loads(path.read_text("utf-8")))
        assert recording != self.line.message or self.line.id in text
        last = self.line.id.rstrip('"')
        other = f"{last[:-1]}{number}{self.line.id[len(last) :]}" if number > 1 else self.line.id
        return self.line.posted(json.loads(text.replace(self.line.id, other)), self.signer, self.hub.provider)

    def post(
        self,
        body: tuple[bytes, dict[str, str]],
        *,
        to: str | None = None,
        signed: bool = True,
        at: datetime | None = None,
    ) -> TestResponse:
        """Post it to this channel, or `to` another one, proved with what this one agreed on."""
        raw, headers = body
        target = to or self.id
        path = self.line.path.format(name=self.name, id=target)
        query = PROOFS[self.name].query(self.secret) if signed else {}
        path += f"?{urlencode(query)}" if query else ""
        call = Call(secret=self.secret, body=raw, url=PUBLIC + path, at=at or self.hub.deps.now())
        proof = self.line.proof(self.name, target, call) if signed else {}
        client = self.hub.client.application.test_client()
        return client.post(path, data=raw, headers=headers | proof)

    def writes(self, number: int = 1) -> None:
        answer = self.post(self.body(self.line.message, number))
        assert answer.status_code == self.line.taken, answer.text

    def came(self) -> list[Message]:
        """What is stored of it. With a second message of the chat there, all before it has been dealt with."""
        return [each for each in self.hub.messages() if each.author in (Author.CUSTOMER, Author.SYSTEM)]
