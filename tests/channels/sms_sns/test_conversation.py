"""A text message comes over a topic, is stored, and is answered through SNS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.deps import Deps
from shared.domain.messages import Direction
from tests.channels.amazon import REGION, Signer, notification
from tests.eventually import eventually
from tests.pipeline.hub import Hub, running_hub
from tests.stubs import Received, Reply, Stub

CUSTOMER = "+14255550182"
CONFIG = {
    "provider": "sns",
    "region": REGION,
    "accessKeyId": "AKIA1",
    "secretAccessKey": "aws-secret-1",
    "phoneNumber": "+12125550101",
}


class Line:
    """A channel with its topic: `receive` delivers a notification from Amazon, `sent` returns what SNS got."""

    def __init__(self, hub: Hub, aws: Any, amazon: Stub, signer: Signer) -> None:
        self.hub, self.amazon, self.signer = hub, amazon, signer
        self.topic = str(aws("sns").create_topic(Name="two-way")["TopicArn"])
        config = CONFIG | {"topicArns": [self.topic]}
        self.channel = hub.post("/api/channels", {"name": "Texts", "type": "SMS", "config": config}, 201)
        subscribed = aws("sns").list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]
        self.endpoint = urlsplit(subscribed[0]["Endpoint"])

    def receive(self, payload: dict[str, Any]) -> None:
        certificate = f"{self.amazon.url}/SimpleNotificationService-1.pem"
        answer = self.hub.client.post(
            f"{self.endpoint.path}?{self.endpoint.query}",
            data=json.dumps(self.signer.sign(notification(self.topic, payload), certificate)),
            headers={"content-type": "text/plain", "x-amz-sns-topic-arn": self.topic},
        )
        assert answer.status_code == 200, answer.text

    def text(self, body: str, number: int = 1) -> None:
        to = {"destinationNumber": "+12125550101", "messageKeyword": "K"}
        self.receive({"originationNumber": CUSTOMER, "messageBody": body, "inboundMessageId": f"in-{number}"} | to)

    def sent(self, count: int) -> list[dict[str, str]]:
        """Wait until `count` text messages have been published and return them."""

        def published() -> list[dict[str, str]]:
            forms = [_form(call) for call in self.amazon.to("^/$")]
            return [form for form in forms if form.get("Action") == "Publish"]

        eventually(lambda: len(published()) >= count)
        return published()


def _form(call: Received) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(call.body.decode()).items()}


@pytest.fixture
def line(deps: Deps, provider: Stub, aws: Any, amazon: Stub, signer: Signer) -> Iterator[Line]:
    with running_hub(deps, provider) as hub:
        hub.register()
        yield Line(hub, aws, amazon, signer)


def test_a_text_is_answered(line: Line) -> None:
    line.hub.echo_agent()
    line.text("Hello")
    [sent] = line.sent(1)
    assert (sent["PhoneNumber"], sent["Message"]) == (CUSTOMER, "Echo: Hello")
    assert "+12125550101" in sent.values()


def test_what_became_of_a_text_is_told(line: Line) -> None:
    line.text("Hello")
    line.hub.post("/api/messages/send", {"conversationId": line.hub.conversation().id, "text": "Hi"}, 202)
    line.sent(1)
    [message] = eventually(lambda: [m for m in line.hub.messages(Direction.OUTBOUND) if m.external_message_id])
    event = {"messageId": message.external_message_id, "destinationPhoneNumber": CUSTOMER}
    line.receive(event | {"eventType": "TEXT_DELIVERED", "messageStatusDescription": "accepted by phone"})
    eventually(lambda: line.hub.messages(Direction.OUTBOUND)[0].status == "delivered")


def test_stop_opts_out_and_nobody_answers_it(line: Line) -> None:
    line.hub.echo_agent()
    line.text("Stop")
    eventually(lambda: [each for each in line.hub.documents("customers") if each.get("opt_outs")])
    line.text("START", 2)
    eventually(lambda: not line.hub.documents("customers")[0]["opt_outs"])
    assert [sent["Message"] for sent in line.sent(1)] == ["Echo: START"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        ((400, "InvalidParameter"), "dead"),
        ((403, "AuthorizationError"), "dead"),
        ((400, "Throttling"), "failed"),
        ((503, "InternalError"), "failed"),
    ],
)
def test_refusals_are_sorted_into_final_and_passing(line: Line, refusal: tuple[int, str], status: str) -> None:
    line.text("Hello")
    code = f"<ErrorResponse><Error><Code>{refusal[1]}</Code><Message>no</Message></Error></ErrorResponse>"
    line.amazon.on("POST", "^/$", Reply(refusal[0], text=code, headers={"content-type": "text/xml"}))
    line.hub.post("/api/messages/send", {"conversationId": line.hub.conversation().id, "text": "Hi"}, 202)
    eventually(lambda: [m for m in line.hub.messages(Direction.OUTBOUND) if m.status == status])


def test_a_connection_that_ends_without_an_answer_is_not_tried_again(line: Line) -> None:
    line.text("Hello")
    line.amazon.on("POST", "^/$", Reply(drop=True))
    line.hub.post("/api/messages/send", {"conversationId": line.hub.conversation().id, "text": "Hi"}, 202)
    [item] = eventually(lambda: line.hub.documents("outbox", status="DEAD"))
    assert item["reason"] == "outcome_unknown"
    assert len(line.sent(1)) == 1


def test_a_provider_that_there_is_not_is_a_clear_refusal(line: Line) -> None:
    body = {"name": "X", "type": "SMS", "config": CONFIG | {"provider": "pigeon"}}
    answer = line.hub.post("/api/channels", body, 400)
    assert "twilio, sns" in answer["detail"]
