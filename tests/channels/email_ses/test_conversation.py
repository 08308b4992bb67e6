"""A mail comes over SNS and S3, is stored, and is answered through SES in its thread."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.channel.media import MAX_MEDIA
from shared.channels.email_ses import threads
from shared.channels.email_ses.inbound import parse
from shared.deps import Deps
from shared.domain.inbound import MessageReceived, Receipt
from shared.domain.messages import Direction, MessageStatus
from tests.channels.amazon import CONFIG, Signer, notification
from tests.eventually import eventually
from tests.pipeline.hub import Hub, running_hub
from tests.stubs import Reply, Stub

BUCKET = "mails"
THREAD = threads.name("<first@customer.example>")
FORGED = [
    f"<omni.{THREAD}@evil.example>",
    "<omni.direct@evil.example>",
    threads.reference(THREAD, "shop.example", "another key", "ana@customer.example"),
    threads.reference(threads.DIRECT, "shop.example", "the key", "eve@evil.example"),
]


class Mailbox:
    """A channel with its topic and bucket: `receive` delivers a customer's mail, `sent` returns what SES got."""

    def __init__(self, hub: Hub, aws: Any, amazon: Stub, signer: Signer, topic: str) -> None:
        self.hub, self.aws, self.amazon, self.signer, self.topic = hub, aws, amazon, signer, topic
        aws("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        config = CONFIG | {"topicArns": [topic], "replyDomain": "reply.shop.example"}
        self.channel = hub.post("/api/channels", {"name": "Mail", "type": "EMAIL", "config": config}, 201)
        subscribed = aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        self.endpoint = urlsplit(subscribed[0]["Endpoint"])
        self.received = 0

    def call(self, body: dict[str, Any], status: int = 200, token: str | None = None) -> None:
        signed = self.signer.sign(body, f"{self.amazon.url}/SimpleNotificationService-1.pem")
        query = self.endpoint.query if token is None else f"token={token}"
        answer = self.hub.client.post(
            f"{self.endpoint.path}?{query}",
            data=json.dumps(signed),
            headers={"content-type": "text/plain", "x-amz-sns-topic-arn": body["TopicArn"]},
        )
        assert answer.status_code == status, answer.text

    def receive(
        self,
        mail: Message,
        recipients: tuple[str, ...] = ("support@shop.example",),
        dmarc: str = "PASS",
        after: timedelta = timedelta(),
    ) -> None:
        """Put the mail into the bucket and publish the notification of it, as a receipt rule does."""
        self.received += 1
        self.aws("s3").put_object(Bucket=BUCKET, Key=f"in/{self.received}", Body=mail.as_bytes())
        passed = {"status": "PASS"}
        verdicts = dict.fromkeys(("spamVerdict", "virusVerdict", "spfVerdict", "dkimVerdict", "dmarcVerdict"), passed)
        action = {"type": "S3", "topicArn": self.topic, "bucketName": BUCKET, "objectKey": f"in/{self.received}"}
        content = {
            "notificationType": "Received",
            "mail": {
                "timestamp": (datetime.now(UTC) + after).isoformat(),
                "source": "ana@customer.example",
                "messageId": f"ses-{self.received}",
            },
            "receipt": {"recipients": list(recipients), "action": action}
            | verdicts
            | {"dmarcVerdict": {"status": dmarc}},
        }
        self.call(notification(self.topic, content))

    def sent(self, count: int) -> list[Message]:
        """Wait until SES has accepted `count` mails and return them."""

        eventually(lambda: len(self.amazon.to("/v2/email/outbound-emails")) >= count)
        raw = [json.loads(call.body)["Content"]["Raw"]["Data"] for call in self.amazon.to("/v2/email/outbound-emails")]
        return [message_from_bytes(base64.b64decode(one), policy=default) for one in raw]


@pytest.fixture
def mailbox(deps: Deps, provider: Stub, aws: Any, amazon: Stub, signer: Signer, topic: str) -> Iterator[Mailbox]:
    with running_hub(deps, provider) as hub:
        hub.register()
        yield Mailbox(hub, aws, amazon, signer, topic)


def _mail(text: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    written = {
        "From": "Ana Souza <Ana@customer.example>",
        "To": "support@shop.example",
        "Subject": "Where is my order?",
        "Message-ID": "<first@customer.example>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in written.items():
        mail[name] = value
    mail.set_content(text)
    return mail


def _answer_to(mail: Message, text: str, number: int) -> EmailMessage:
    """What a usual mail program makes of "reply": SES gave our mail another Message-ID, `References` came through."""
    ses_id = f"<ses-given-{number}@eu-west-1.amazonses.com>"
    references = f"{mail['References']} {ses_id}"
    return _mail(text, Message_ID=f"<answer-{number}@customer.example>", In_Reply_To=ses_id, References=references)


def test_a_mail_is_answered_in_its_thread(mailbox: Mailbox) -> None:
    mailbox.hub.echo_agent()
    mailbox.receive(_mail("Where is my order 4711?"))
    [answer] = mailbox.sent(1)
    assert answer["To"] == "ana@customer.example"
    assert answer["From"] == "support@shop.example"
    assert answer["Subject"] == "Re: Where is my order?"
    assert answer["In-Reply-To"] == "<first@customer.example>"
    assert answer["References"].split()[-1] == "<first@customer.example>"
    assert answer["Auto-Submitted"] == "auto-generated"
    assert answer["Reply-To"].endswith("@reply.shop.example")
    assert "Where is my order 4711?" in str(answer.get_payload())


def test_an_answer_of_several_paragraphs_is_one_mail(mailbox: Mailbox) -> None:
    mailbox.hub.echo_agent()
    mailbox.receive(_mail("Hello,\n\nwhere is my order?\n\nAna"))
    [answer] = mailbox.sent(1)
    assert eventually(mailbox.hub.idle)
    assert str(answer.get_payload()).split() == ["Echo:", "Hello,", "where", "is", "my", "order?", "Ana"]
    assert len(mailbox.sent(1)) == 1


def test_an_answers_marks_are_the_mails_html_and_its_text_has_none(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    hub.provider.on("POST", "/api/v1/agent/support/run", Reply(json={"message": "**Hi** <Ana>\n\n- it is\n- here"}))
    agent = {"agent_api_url": hub.provider.url, "agent_api_key": "key", "default_agent": "support"}
    [instance] = hub.documents("instances", tenant_id=hub.tenant_id)
    assert hub.client.put(f"/api/v1/instances/{instance['name']}", json=agent, headers=hub.headers).status_code == 200
    mailbox.receive(_mail("Where is my order?"))
    [answer] = mailbox.sent(1)
    assert eventually(hub.idle)
    assert len(mailbox.sent(1)) == 1
    text, rich = (str(part.get_payload()).replace("\r", "").strip() for part in list(answer.walk())[1:])
    assert text == "Hi <Ana>\n\n- it is\n- here"
    assert rich == "<strong>Hi</strong> &lt;Ana&gt;<br>\n<br>\n• it is<br>\n• here"


def test_whom_else_the_mail_went_to_reads_the_answer_where_the_channel_says_so(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    people = {"To": "support@shop.example, Bo <bo@customer.example>", "Cc": "cy@customer.example, Ana@customer.example"}
    mailbox.receive(_mail("Where is it?", **people))
    [first] = eventually(hub.conversations)
    hub.post("/api/messages/send", {"conversationId": first.id, "text": "On its way."}, 202)
    [alone] = mailbox.sent(1)
    assert alone["Cc"] is None
    hub.patch(f"/api/channels/{mailbox.channel['id']}", {"config": {"answerCc": True}})
    hub.post("/api/messages/send", {"conversationId": first.id, "text": "It is there."}, 202)
    [_, together] = mailbox.sent(2)
    assert (together["To"], together["Cc"]) == ("ana@customer.example", "bo@customer.example, cy@customer.example")
    destination = json.loads(mailbox.amazon.to("/v2/email/outbound-emails")[-1].body)["Destination"]
    assert destination["CcAddresses"] == ["bo@customer.example", "cy@customer.example"]


@pytest.mark.parametrize("dmarc", ["FAIL", "GRAY"])
def test_nobody_whose_author_is_in_doubt_chooses_who_reads_the_answer(mailbox: Mailbox, dmarc: str) -> None:
    hub = mailbox.hub
    hub.patch(f"/api/channels/{mailbox.channel['id']}", {"config": {"answerCc": True}})
    mailbox.receive(_mail("Where is it?", Cc="press@evil.example"), dmarc=dmarc)
    [conversation] = eventually(hub.conversations)
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "On its way."}, 202)
    [answer] = mailbox.sent(1)
    assert answer["Cc"] is None


def test_threads_are_conversations_of_one_customer(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    mailbox.receive(_mail("Where is my order?"))
    mailbox.receive(_mail("And another thing.", Message_ID="<other@customer.example>", Subject="Where is my order?"))
    conversations = eventually(lambda: stored if len(stored := hub.conversations()) == 2 else [])
    assert len({one.customer_id for one in conversations}) == 1
    [question] = [message for message in hub.messages() if message.text == "Where is my order?"]
    first = next(one for one in conversations if one.id == question.conversation_id)
    hub.post("/api/messages/send", {"conversationId": first.id, "text": "On its way."}, 202)
    [sent] = mailbox.sent(1)
    assert sent["Auto-Submitted"] is None
    mailbox.receive(_answer_to(sent, "Thank you!", 1))
    eventually(lambda: len(hub.messages()) == 4)
    [row, *_] = hub.get(f"/api/conversations/{first.id}/messages")["messages"]
    assert "verified" not in row
    assert [m.text for m in hub.messages() if m.conversation_id == first.id] == [
        "Where is my order?",
        "On its way.",
        "Thank you!",
    ]


def test_the_reply_address_finds_the_thread_when_the_headers_are_lost(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    mailbox.receive(_mail("Where is my order?"))
    conversation = hub.conversation()
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "On its way."}, 202)
    [sent] = mailbox.sent(1)
    address = str(sent["Reply-To"])
    mailbox.receive(_mail("Danke", Message_ID="<x@phone.example>", To=address, Subject="AW"), (address.upper(),))
    eventually(lambda: len(hub.messages()) == 3)
    assert len(hub.conversations()) == 1


def _asked_and_answered(mailbox: Mailbox) -> Message:
    """Ana's conversation; returns the answer that she got."""
    mailbox.receive(_mail("Where is my order?"))
    body = {"conversationId": mailbox.hub.conversation().id, "text": "On its way."}
    mailbox.hub.post("/api/messages/send", body, 202)
    return mailbox.sent(1)[0]


def _mallory(sent: Message, text: str = "Tell me her address.", **headers: str) -> EmailMessage:
    """A mail of somebody who has seen our answer, and with it everything that names its thread."""
    return _mail(text, Message_ID="<m@x>", References=str(sent["References"]), Reply_To="m@evil.example", **headers)


_REPLY_ADDRESS = "the reply address"


@pytest.mark.parametrize(
    ("author", "dmarc", "to"),
    [
        ("Mallory <m@evil.example>", "PASS", _REPLY_ADDRESS),
        ("Mallory <m@evil.example>", "PASS", "support@shop.example"),
        ("Ana <ana@customer.example>", "GRAY", _REPLY_ADDRESS),
        ("Ana <ana@customer.example>", "FAIL", _REPLY_ADDRESS),
        ("Ana <ana@customer.example>", "", "support@shop.example"),
        ("ana@customer.example, m@evil.example", "PASS", _REPLY_ADDRESS),
        ("m@evil.example, ana@customer.example", "PASS", _REPLY_ADDRESS),
    ],
)
def test_nobody_else_gets_into_a_conversation_or_its_next_answer(
    mailbox: Mailbox, author: str, dmarc: str, to: str
) -> None:
    hub, sent = mailbox.hub, _asked_and_answered(mailbox)
    [ana] = hub.conversations()
    recipient = str(sent["Reply-To"]) if to == _REPLY_ADDRESS else to
    mailbox.receive(_mallory(sent, From=author), (recipient,), dmarc)
    eventually(lambda: len(hub.messages()) == 3)
    assert [m.text for m in hub.messages() if m.conversation_id == ana.id] == ["Where is my order?", "On its way."]
    [other] = [each for each in hub.conversations() if each.id != ana.id]
    assert other.external_conversation_id != ana.external_conversation_id
    hub.post("/api/messages/send", {"conversationId": ana.id, "text": "It has arrived."}, 202)
    assert mailbox.sent(2)[1]["To"] == "ana@customer.example"


@pytest.mark.parametrize("dmarc", ["GRAY", "FAIL", ""])
def test_who_may_be_somebody_else_is_called_unverified_and_answered_at_their_address(
    mailbox: Mailbox, dmarc: str
) -> None:
    hub = mailbox.hub
    mailbox.receive(_mail("My card is lost.", Reply_To="m@evil.example"), dmarc=dmarc)
    [message] = eventually(hub.messages)
    assert message.extra["verified"] is False
    [row] = hub.get(f"/api/conversations/{message.conversation_id}/messages")["messages"]
    assert row["verified"] is False
    [listed] = hub.get(f"/messages/{message.conversation_id}")["messages"]
    assert listed["verified"] is False
    hub.post("/api/messages/send", {"conversationId": message.conversation_id, "text": "Which one?"}, 202)
    assert mailbox.sent(1)[0]["To"] == "ana@customer.example"


def test_an_agent_is_told_that_the_author_is_in_doubt(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    hub.provider.on("POST", "/api/v1/agent/support/run", Reply(json={"message": "Who are you?"}))
    agent = {"agent_api_url": hub.provider.url, "agent_api_key": "key", "default_agent": "support"}
    [instance] = hub.documents("instances", tenant_id=hub.tenant_id)
    assert hub.client.put(f"/api/v1/instances/{instance['name']}", json=agent, headers=hub.headers).status_code == 200
    mailbox.receive(_mail("My card is lost."), dmarc="GRAY")
    mailbox.receive(_mail("My card is lost.", Message_ID="<other@x>"))
    questions = eventually(lambda: calls if len(calls := hub.provider.to("/api/v1/agent/support/run")) == 2 else [])
    assert [call.json["user"]["user_data"].get("verified") for call in questions] == [False, None]


def test_a_reply_address_is_good_where_the_mail_server_says_so_and_signed_by_the_channel(mailbox: Mailbox) -> None:
    hub, sent = mailbox.hub, _asked_and_answered(mailbox)
    signed = str(sent["Reply-To"])
    unsigned = f"{signed.partition('.')[0]}@reply.shop.example"
    forged = signed.replace(signed.partition(".")[2].partition("@")[0], "0" * 20)
    elsewhere = signed.replace("@reply.shop.example", "@support.example")
    for number, (written, delivered) in enumerate(
        [(signed, "support@shop.example"), (unsigned, unsigned), (forged, forged), (elsewhere, elsewhere)]
    ):
        mailbox.receive(_mail(f"{number}", Message_ID=f"<{number}@x>", To=written), (delivered,))
    eventually(lambda: len(hub.messages()) == 6)
    assert len(hub.conversations()) == 5


def test_a_forged_answer_to_a_mail_that_nobody_asked_for_comes_into_no_conversation_of_ours(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    body = {"channelInstanceId": mailbox.channel["id"], "externalUserId": "Ana@customer.example", "text": "News!"}
    hub.post("/api/messages/send", body, 202)
    [sent] = mailbox.sent(1)
    mailbox.receive(_mallory(sent), (str(sent["Reply-To"]),), "GRAY")
    eventually(lambda: len(hub.messages()) == 2)
    assert len(hub.conversations()) == 2


def test_an_answer_to_a_mail_that_nobody_asked_for_comes_into_the_same_conversation(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    body = {"channelInstanceId": mailbox.channel["id"], "externalUserId": "Ana@customer.example", "text": "News!"}
    hub.post("/api/messages/send", body, 202)
    [sent] = mailbox.sent(1)
    assert (sent["To"], sent["Subject"]) == ("Ana@customer.example", "A message for you")
    mailbox.receive(_answer_to(sent, "Tell me more.", 1))
    eventually(lambda: len(hub.messages()) == 2)
    assert len(hub.conversations()) == 1


def test_an_absence_note_is_stored_and_answered_by_nobody(mailbox: Mailbox) -> None:
    mailbox.hub.echo_agent()
    mailbox.receive(_mail("I am away.", Auto_Submitted="auto-replied"))
    mailbox.receive(_mail("A real question.", Message_ID="<real@customer.example>"))
    [answer] = mailbox.sent(1)
    assert answer["In-Reply-To"] == "<real@customer.example>"
    assert {m.text for m in mailbox.hub.messages()} >= {"I am away.", "A real question."}


def test_a_mail_that_cannot_be_read_is_reported_and_the_next_one_of_its_sender_is_stored(mailbox: Mailbox) -> None:
    poison = Message()
    poison["From"] = "(" * 600
    mailbox.receive(poison)
    mailbox.receive(_mail("A real question."))
    assert [message.text for message in eventually(mailbox.hub.messages)] == ["A real question."]
    [notice] = eventually(lambda: mailbox.hub.get("/notifications")["notifications"])
    assert "nested too deep" in notice["message"]


def test_files_of_a_mail_are_had_from_its_bucket(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    mail = _mail("See the file.")
    mail.add_attachment(b"%PDF-1.4 invoice", maintype="application", subtype="pdf", filename="invoice.pdf")
    mailbox.receive(mail)
    [message] = eventually(hub.messages)
    answer = hub.client.get(f"/media/{message.id}-0", headers=hub.headers)
    assert (answer.status_code, answer.data) == (200, b"%PDF-1.4 invoice")


def test_a_file_is_sent_with_the_mail(mailbox: Mailbox) -> None:
    mailbox.amazon.on("GET", "/price-list.pdf", Reply(content=b"%PDF-1.4", headers={"content-type": "application/pdf"}))
    mailbox.receive(_mail("Prices, please"))
    file = {"url": f"{mailbox.amazon.url}/price-list.pdf", "type": "document", "fileName": "prices.pdf"}
    body = {"conversationId": mailbox.hub.conversation().id, "text": "Here.", "attachments": [file]}
    mailbox.hub.post("/api/messages/send", body, 202)
    [sent] = mailbox.sent(1)
    [part] = [part for part in sent.walk() if part.get_filename()]
    assert (part.get_filename(), part.get_payload(decode=True)) == ("prices.pdf", b"%PDF-1.4")


def test_an_upload_is_sent_with_the_mail(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    mailbox.receive(_mail("Please send the invoice."))
    conversation_id = hub.conversation().id
    invoice = {"data": b"%PDF-1.7", "content_type": "application/pdf", "query_string": {"fileName": "invoice.pdf"}}
    upload: Any = hub.client.post("/api/files", headers=hub.headers, **invoice).get_json()
    attachment = {"type": "document", "fileId": upload["id"]}
    hub.post("/api/messages/send", {"conversationId": conversation_id, "attachments": [attachment]}, 202)
    [file] = [part for part in mailbox.sent(1)[0].walk() if part.get_filename()]
    assert (file.get_filename(), file.get_content_type()) == ("invoice.pdf", "application/pdf")
    assert file.get_payload(decode=True) == b"%PDF-1.7"


def test_what_a_mail_cannot_carry_is_told_in_its_text(mailbox: Mailbox) -> None:
    mailbox.amazon.on("GET", "/film.mp4", Reply(content=bytes(MAX_MEDIA + 1)))
    mailbox.receive(_mail("Where are you?"))
    film = {"url": f"{mailbox.amazon.url}/film.mp4", "type": "video", "fileName": "film.mp4"}
    place = {"type": "location", "latitude": 1.5, "longitude": -2.5, "name": "Shop"}
    body = {"conversationId": mailbox.hub.conversation().id, "text": "Here.", "attachments": [film, place]}
    mailbox.hub.post("/api/messages/send", body, 202)
    [sent] = mailbox.sent(1)
    text = sent.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().split() == ["Here.", film["url"], "Shop", "https://maps.google.com/?q=1.5,-2.5"]
    eventually(lambda: "sent as a link: film.mp4" in [message.note for message in mailbox.hub.messages()])


def test_a_bounce_ends_the_message_and_nobody_writes_there_unasked(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    body = {"channelInstanceId": mailbox.channel["id"], "externalUserId": "ana@customer.example", "text": "News!"}
    hub.post("/api/messages/send", body, 202)
    mailbox.sent(1)
    [message] = eventually(lambda: [m for m in hub.messages() if m.status == "sent"])
    [alias] = [document for document in hub.documents("messages") if document.get("alias_of") == message.id]
    assert alias
    bounced = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "ana@customer.example"}]}
    external = message.external_message_id
    mailbox.call(
        notification(mailbox.topic, {"notificationType": "Bounce", "bounce": bounced, "mail": {"messageId": external}})
    )
    eventually(lambda: hub.messages()[0].status == "dead")
    eventually(lambda: hub.documents("customers")[0].get("opt_outs"))


def test_a_subscription_is_confirmed_for_our_topic_only(mailbox: Mailbox) -> None:
    mailbox.amazon.on("GET", "/confirm", Reply(text="<ok/>"))
    confirmation = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": f"{mailbox.amazon.url}/confirm"}
    mailbox.call(notification("arn:aws:sns:eu-west-1:666:theirs", "?", **confirmation), status=401)
    assert not mailbox.amazon.to("/confirm")
    mailbox.call(notification(mailbox.topic, "?", **confirmation))
    assert len(mailbox.amazon.to("/confirm")) == 1


def test_a_call_without_the_token_or_with_a_forged_signature_is_refused(mailbox: Mailbox) -> None:
    mailbox.call(notification(mailbox.topic, "{}"), status=401, token="guessed")
    body = notification(mailbox.topic, "{}") | {
        "SignatureVersion": "2",
        "Signature": "AAAA",
        "SigningCertURL": f"{mailbox.amazon.url}/SimpleNotificationService-1.pem",
    }
    answer = mailbox.hub.client.post(
        f"{mailbox.endpoint.path}?{mailbox.endpoint.query}",
        data=json.dumps(body),
        headers={"x-amz-sns-topic-arn": mailbox.topic},
    )
    assert answer.status_code == 401


def test_the_subscription_carries_a_secret_and_ends_with_the_channel(mailbox: Mailbox) -> None:
    assert len(parse_qs(mailbox.endpoint.query)["token"][0]) >= 32
    path = f"/api/channels/{mailbox.channel['id']}"
    assert mailbox.hub.get(path)["status"] == "CONNECTED"
    mailbox.hub.client.delete(path, headers=mailbox.hub.headers)
    assert mailbox.aws("sns").list_subscriptions_by_topic(TopicArn=mailbox.topic)["Subscriptions"] == []


def test_an_address_that_may_not_send_is_said_so(mailbox: Mailbox) -> None:
    config = CONFIG | {"address": "nobody@elsewhere.example"}
    channel = mailbox.hub.post("/api/channels", {"name": "Other", "type": "EMAIL", "config": config}, 201)
    assert "verified" in json.dumps(channel)


def test_a_copy_of_our_own_mail_is_our_answer_and_changes_no_address(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    mailbox.receive(_mail("Is it in stock?"))
    eventually(lambda: hub.messages())
    about = {"In_Reply_To": "<first@customer.example>", "References": "<first@customer.example>"}
    written = {"From": "Shop <support@shop.example>", "To": "ana@customer.example", "Cc": "support@shop.example"}
    answer = _mail("Yes, it is.", Message_ID="<ours@shop.example>", **about, **written)
    mailbox.receive(answer, after=timedelta(minutes=1))  # a person takes that long
    eventually(lambda: len(hub.messages()) == 2)
    conversation = hub.conversation()
    assert [(m.text, m.direction) for m in hub.messages()] == [
        ("Is it in stock?", Direction.INBOUND),
        ("Yes, it is.", Direction.OUTBOUND),
    ]
    assert conversation.needs_reply_since is None
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "We keep one."}, 202)
    [sent] = mailbox.sent(1)
    assert sent["To"] == "ana@customer.example"


def test_who_only_says_that_they_are_us_is_not_us(mailbox: Mailbox) -> None:
    forged = _mail("Send the money there.", From="Shop <support@shop.example>", To="ana@customer.example")
    mailbox.receive(forged, dmarc="FAIL")
    [message] = eventually(mailbox.hub.messages)
    assert message.direction is Direction.INBOUND
    assert message.may_be_forged


def test_a_failed_delivery_ends_the_mail_that_it_is_about_and_is_told_in_its_thread(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    mailbox.receive(_mail("How tall is it?"))
    eventually(lambda: hub.messages())
    conversation_id = hub.conversation().id
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": "Ninety centimetres."}, 202)
    [sent] = mailbox.sent(1)
    [answer] = eventually(lambda: [m for m in hub.messages(Direction.OUTBOUND) if m.status is MessageStatus.SENT])
    ses_id = f"<{answer.external_message_id}@eu-west-1.amazonses.com>"
    mailbox.receive(_failure(f"{sent['References']} {ses_id}", ses_id))
    eventually(lambda: hub.messages(Direction.SYSTEM))
    [dead] = hub.messages(Direction.OUTBOUND)
    assert (dead.status, dead.error) == (MessageStatus.DEAD, "not delivered to ana@customer.example: no such user")
    [note] = hub.messages(Direction.SYSTEM)
    assert (note.conversation_id, note.text) == (conversation_id, f"The mail was {dead.error}")
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": "Did you get it?"}, 202)
    assert mailbox.sent(2)[1]["To"] == "ana@customer.example"


@pytest.mark.parametrize("reference", FORGED)
def test_a_failure_that_anybody_could_have_made_up_is_told_in_nobodys_thread(reference: str) -> None:
    assert not [event for event in parse(_reported(reference)) if isinstance(event, MessageReceived)]


def test_a_failure_of_an_unasked_mail_is_told_in_the_conversation_of_whom_it_was_for() -> None:
    own = threads.reference(threads.DIRECT, "shop.example", "the key", "Ana@customer.example")
    [note] = [event for event in parse(_reported(own)) if isinstance(event, MessageReceived)]
    assert note.chat_key == "ana@customer.example"


def test_of_several_mails_of_a_thread_the_one_that_a_report_answers_has_failed() -> None:
    earlier, failed = "<earlier@eu-west-1.amazonses.com>", "<failed@eu-west-1.amazonses.com>"
    for report in (_failure(f"{failed} {earlier}", failed), _failure(f"{earlier} {failed}", "<1@customer.example>")):
        assert _failed_ids(report) == ["failed"]


def test_a_report_that_only_returns_the_mails_headers_says_which_mail_failed() -> None:
    returned = ["Message-ID: <failed@eu-west-1.amazonses.com>", "References: <earlier@eu-west-1.amazonses.com>"]
    for kind in ("message/rfc822", "text/rfc822-headers"):
        report = _failure("", "", [f"Content-Type: {kind}", "", *returned, ""])
        assert _failed_ids(report) == ["failed"]


def _failed_ids(report: Message) -> list[str]:
    return [event.external_message_id for event in parse(_notified(report)) if isinstance(event, Receipt)]


def _reported(reference: str) -> dict[str, Any]:
    """The notification of a report that a mail to Ana did not arrive."""
    return _notified(_failure(reference, "<1@evil.example>"))


def _notified(mail: Message) -> dict[str, Any]:
    return {
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-20T20:32:33.936Z", "source": "", "messageId": "1"},
        "receipt": {"action": {"type": "SNS", "encoding": "BASE64"}},
        "content": base64.b64encode(mail.as_bytes()).decode(),
        "thread_key": "the key",
    }


def _failure(references: str, ses_id: str, returned: Sequence[str] = ()) -> Message:
    """A mail server's report; `returned` are the lines of a part with the mail itself."""
    lines = [
        "Return-Path: <>",
        "From: Mail Delivery Subsystem <mailer-daemon@customer.example>",
        "To: support@shop.example",
        "Auto-Submitted: auto-replied",
        "Subject: Undelivered",
        "Message-ID: <failure@customer.example>",
        f"In-Reply-To: {ses_id}",
        f"References: {references}",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "It did not arrive.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; customer.example",
        "",
        "Final-Recipient: rfc822; ana@customer.example",
        "Action: failed",
        "Diagnostic-Code: smtp; no such user",
        *(["", "--b", *returned] if returned else []),
        "--b--",
        "",
    ]
    return _lines(*lines)


def test_one_mail_that_comes_by_two_ways_is_one_message(mailbox: Mailbox) -> None:
    for _ in range(2):
        mailbox.receive(_mail("I want a refund."))
    mailbox.receive(_mail("Hello?", Message_ID="<second@customer.example>"))
    eventually(lambda: len(mailbox.hub.messages()) >= 2)
    assert sorted(message.text or "" for message in mailbox.hub.messages()) == ["Hello?", "I want a refund."]


def test_who_fills_in_a_form_is_the_customer(mailbox: Mailbox) -> None:
    for name in ("bea", "carl"):
        reply_to = f"{name.title()} <{name}@one.example>"
        about = {"From": "Website <forms@site.example>", "Reply_To": reply_to, "Message_ID": f"<{name}@site.example>"}
        mailbox.receive(_mail(f"Hello from {name}", **about))
    conversations = eventually(lambda: stored if len(stored := mailbox.hub.conversations()) == 2 else [])
    assert {one.external_user_id for one in conversations} == {"bea@one.example", "carl@one.example"}
    assert len({one.customer_id for one in conversations}) == 2


def _as_clients_read_it(hub: Hub, count: int) -> tuple[Any, list[Any]]:
    """The only conversation and its messages, the oldest first, as soon as there are so many."""
    [conversation] = hub.get("/api/conversations")["conversations"]

    def read() -> list[Any]:
        messages = hub.get(f"/api/conversations/{conversation['id']}/messages")["messages"]
        return sorted(messages, key=lambda message: str(message["createdAt"])) if len(messages) == count else []

    return conversation, eventually(read)


def test_clients_see_a_copy_to_ourselves_as_our_answer_and_no_agent_answers_it(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    hub.echo_agent()
    about = {"From": "Gil <gil@six.example>", "Subject": "Lamp", "Message_ID": "<e21@six.example>"}
    mailbox.receive(_mail("Is it in stock?", **about))
    mailbox.sent(1)
    copy = _mail(
        "Yes, it is in stock. Your agent, Hugo",
        From="Shop Support <support@shop.example>",
        To="gil@six.example",
        Cc="support@shop.example",
        Message_ID="<e21b@shop.example>",
        In_Reply_To="<e21@six.example>",
        References="<e21@six.example>",
        Subject="Re: Lamp",
    )
    mailbox.receive(copy)
    conversation, messages = _as_clients_read_it(hub, 3)
    assert [(message["direction"], message["author"]) for message in messages] == [
        ("INBOUND", "CUSTOMER"),
        ("OUTBOUND", "BOT"),
        ("OUTBOUND", "OTHER"),
    ]
    assert messages[2]["text"] == "Yes, it is in stock. Your agent, Hugo"
    hub.post("/api/messages/send", {"conversationId": conversation["id"], "text": "We keep one."}, 202)
    assert [sent["To"] for sent in mailbox.sent(2)] == ["gil@six.example"] * 2


def test_clients_see_which_message_was_not_delivered_and_the_next_one_goes_to_the_customer(mailbox: Mailbox) -> None:
    hub = mailbox.hub
    hub.echo_agent()
    mailbox.amazon.on("POST", "/v2/email/outbound-emails$", Reply(json={"MessageId": "abc"}))
    about = {"From": "Jo <jo@eight.example>", "Subject": "Chair", "Message_ID": "<e24@eight.example>"}
    mailbox.receive(_mail("How tall is it?", **about))
    mailbox.sent(1)
    mailbox.receive(
        _lines(
            "Return-Path: <>",
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            "To: support@shop.example",
            "Auto-Submitted: auto-replied",
            "Subject: Delivery Status Notification (Failure)",
            "References: <omni.38b4a157e5b207502468@shop.example> <e24@eight.example> <abc@eu-west-1.amazonses.com>",
            "In-Reply-To: <abc@eu-west-1.amazonses.com>",
            "Message-ID: <e24b@mx.google.com>",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
            "",
            "--b",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "Address not found. Your message wasn't delivered to jo@eight.example.",
            "--b",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; googlemail.com",
            "",
            "Final-Recipient: rfc822; jo@eight.example",
            "Action: failed",
            "Status: 5.1.1",
            "--b--",
        )
    )
    conversation, messages = _as_clients_read_it(hub, 3)
    question, answer, note = messages
    assert (question["text"], note["direction"]) == ("How tall is it?", "SYSTEM")
    assert (answer["status"], answer["error"]) == ("dead", "not delivered to jo@eight.example: 5.1.1")
    assert "jo@eight.example" in note["text"]
    hub.post("/api/messages/send", {"conversationId": conversation["id"], "text": "Did you get it?"}, 202)
    assert [sent["To"] for sent in mailbox.sent(2)] == ["jo@eight.example"] * 2


def _lines(*lines: str) -> Message:
    return message_from_bytes("\r\n".join(lines).encode())
