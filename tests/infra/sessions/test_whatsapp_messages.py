"""What goes out over a WhatsApp account of the hub's own, and what comes in answer to it."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest

from infra.sockets.whatsapp import protocol
from shared.config import Settings
from shared.domain.events import InboundEvent
from shared.domain.messages import Direction, Message, MessageStatus
from shared.usecases.ingest.normalize import normalize
from tests.eventually import eventually
from tests.infra.sessions.steps import Channels, Start, answer, paired
from tests.pipeline.hub import Hub
from tests.stubs import Reply
from tests.whatsapp.pretended import ACCOUNT, CUSTOMER, Link, WhatsApp

HIDDEN = "95511988887777@lid"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A hub that knows no Evolution server."""
    return settings.model_copy(update={"evolution_url": None})


@pytest.fixture
def link(hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels) -> Link:
    """The worker of an account to which a customer has written, in a chat that goes by their hidden id."""
    _, link = paired(hub, whatsapp, start, channels, readMarks=True)
    whatsapp.write(link, "M1", "Hello", remoteJid=HIDDEN, remoteJidAlt=CUSTOMER)
    hub.conversation()
    return link


def _sent(hub: Hub, text: str, **fields: Any) -> Message:
    """A message that a person has sent, as soon as WhatsApp has it."""
    identifier = answer(hub, text, **fields)

    def sent() -> list[Message]:
        return [each for each in hub.messages() if each.id == identifier and each.external_message_id]

    return eventually(sent)[0]


def test_an_edit_and_a_deletion_name_the_message_in_the_customers_chat(
    hub: Hub, whatsapp: WhatsApp, link: Link
) -> None:
    message = _sent(hub, "Wrong answer")
    key = {"remoteJid": HIDDEN, "fromMe": True, "id": message.external_message_id}
    hub.patch(f"/api/messages/{message.id}", {"text": "The answer"}, 202)
    eventually(lambda: len(whatsapp.sent()) == 2)
    change = whatsapp.contents()[1]["editedMessage"]["message"]["protocolMessage"]
    assert change.pop("timestampMs") > 0
    assert change == {"key": key, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "The answer"}}
    eventually(lambda: "The answer" in [each.text for each in hub.messages()])
    hub.client.delete(f"/api/messages/{message.id}", headers=hub.headers)
    eventually(lambda: any(each.deleted_at for each in hub.messages()))
    assert whatsapp.contents()[2] == {"protocolMessage": {"key": key, "type": "REVOKE"}}
    assert {command.to for command in whatsapp.sent()} == {CUSTOMER}


def test_the_caption_of_a_picture_is_edited_as_a_caption(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    hub.provider.on("GET", "/cat.jpg", Reply(content=b"\xff\xd8cat", headers={"content-type": "image/jpeg"}))
    message = _sent(hub, "My dog", attachments=[{"type": "image", "url": f"{hub.provider.url}/cat.jpg"}])
    hub.patch(f"/api/messages/{message.id}", {"text": "My cat"}, 202)
    eventually(lambda: len(whatsapp.sent()) == 2)
    change = whatsapp.contents()[1]["editedMessage"]["message"]["protocolMessage"]
    assert change["editedMessage"] == {"imageMessage": {"caption": "My cat"}}


def test_that_somebody_writes_is_shown_by_the_process_that_holds_the_account(
    hub: Hub, whatsapp: WhatsApp, link: Link
) -> None:
    assert hub.post(f"/api/conversations/{hub.conversation().id}/typing", {})["visible"] is True
    assert eventually(lambda: link.of(protocol.Typing)) == [protocol.Typing(to=HIDDEN, is_typing=True)]


def test_what_was_read_is_marked_in_the_customers_chat(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    whatsapp.write(link, "M2", "Anybody?", remoteJid=HIDDEN, remoteJidAlt=CUSTOMER)
    eventually(lambda: len(hub.messages()) == 2)
    assert hub.post(f"/api/conversations/{hub.conversation().id}/read", {})["marked"] is True
    (mark,) = eventually(lambda: link.of(protocol.Read))
    assert (mark.chat, mark.sender, mark.ids) == (HIDDEN, HIDDEN, ["M1", "M2"])
    eventually(lambda: not [item for item in hub.documents("outbox") if item["open"]])


GROUP = "120363040000000001@g.us"
BOB, HIDDEN_BOB = "5511977776666@s.whatsapp.net", "95511977776666@lid"


@pytest.fixture
def group(hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels) -> tuple[Link, str]:
    """The worker of an account in a group in which two people have written, and the group's conversation."""
    _, link = paired(hub, whatsapp, start, channels, readMarks=True, groups="all")
    for identifier, who in (
        ("G1", {"participant": BOB}),
        ("G2", {"participant": CUSTOMER}),
        ("G3", {"participant": BOB}),
    ):
        whatsapp.write(link, identifier, "Hi all", remoteJid=GROUP, **who)
    eventually(lambda: len(hub.messages()) == 3)
    return link, hub.conversation().id


def test_what_was_read_in_a_group_is_marked_for_each_author(hub: Hub, group: tuple[Link, str]) -> None:
    link, conversation = group
    assert hub.post(f"/api/conversations/{conversation}/read", {})["marked"] is True
    marks = eventually(lambda: link.of(protocol.Read) if len(link.of(protocol.Read)) == 2 else [])
    assert [(mark.chat, mark.sender, mark.ids) for mark in marks] == [
        (GROUP, BOB, ["G1", "G3"]),
        (GROUP, CUSTOMER, ["G2"]),
    ]


def test_a_group_that_hides_numbers_is_told_the_latest_author_as_it_names_them(
    hub: Hub, whatsapp: WhatsApp, group: tuple[Link, str]
) -> None:
    link, conversation = group
    whatsapp.write(link, "G4", "And again", remoteJid=GROUP, participant=HIDDEN_BOB, participantAlt=BOB)
    eventually(lambda: len(hub.messages()) == 4)
    hub.post(f"/api/conversations/{conversation}/read", {})
    marks = eventually(lambda: link.of(protocol.Read) if len(link.of(protocol.Read)) == 2 else [])
    assert [(mark.sender, mark.ids) for mark in marks] == [(HIDDEN_BOB, ["G1", "G3", "G4"]), (CUSTOMER, ["G2"])]


def test_a_reaction_in_a_group_names_the_author(hub: Hub, whatsapp: WhatsApp, group: tuple[Link, str]) -> None:
    answer(hub, "", reaction={"messageId": "G2", "emoji": "👍"})
    eventually(whatsapp.sent)
    (message,) = whatsapp.contents()
    key = {"remoteJid": GROUP, "fromMe": False, "id": "G2", "participant": CUSTOMER}
    assert message == {"reactionMessage": {"key": key, "text": "👍"}}


def test_an_answer_quotes_the_customers_words(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    _sent(hub, "Hello to you", replyTo="M1")
    context = {"stanzaId": "M1", "quotedMessage": {"conversation": "Hello"}, "participant": HIDDEN}
    assert whatsapp.contents() == [{"extendedTextMessage": {"text": "Hello to you", "contextInfo": context}}]


def test_an_answer_quotes_the_business_under_its_own_name(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    first = _sent(hub, "We are open")
    _sent(hub, "Until six", replyTo=first.external_message_id)
    context = whatsapp.contents()[1]["extendedTextMessage"]["contextInfo"]
    assert (context["participant"], context["quotedMessage"]) == (ACCOUNT, {"conversation": "We are open"})


def test_what_the_hub_does_not_have_is_quoted_without_words(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    _sent(hub, "About that one", replyTo="M0")
    context = whatsapp.contents()[0]["extendedTextMessage"]["contextInfo"]
    assert context == {"stanzaId": "M0", "quotedMessage": {"conversation": ""}, "participant": HIDDEN}


def test_a_file_that_the_hub_holds_is_given_to_the_worker(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    uploaded: Any = hub.client.post("/api/files", data=PNG, headers=hub.headers, content_type="image/png").json
    _sent(hub, "Here", attachments=[{"type": "image", "fileId": uploaded["id"]}])
    (sent,) = whatsapp.sent()
    assert isinstance(sent, protocol.Media)
    assert base64.b64decode(sent.content) == PNG
    assert whatsapp.contents() == [{"imageMessage": {"mimetype": "image/png", "caption": "Here"}}]


def _vote(whatsapp: WhatsApp, link: Link, identifier: str, poll: str | None, *options: str) -> None:
    digests = [base64.b64encode(hashlib.sha256(option.encode()).digest()).decode() for option in options]
    vote = {"selectedOptions": digests} if digests else {}
    update = {"pollCreationMessageKey": {"id": poll, "fromMe": True, "remoteJid": HIDDEN}}
    whatsapp.bring(link, identifier, {"message": {"pollUpdateMessage": update}, "vote": vote})


def test_a_vote_is_an_answer_that_says_what_was_chosen(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    poll = {"question": "Which colour?", "options": ["red", "blue", "grün"], "multiple": True}
    message = _sent(hub, "", poll=poll)
    question = {"name": "Which colour?", "selectableOptionsCount": 0}
    assert whatsapp.contents() == [
        {"pollCreationMessage": question | {"options": [{"optionName": each} for each in ("red", "blue", "grün")]}}
    ]
    _vote(whatsapp, link, "V1", message.external_message_id, "grün", "red")
    (vote,) = eventually(lambda: [each for each in hub.messages(Direction.INBOUND) if each.external_message_id == "V1"])
    assert (vote.text, vote.reply_to) == ("red, grün", message.external_message_id)
    assert vote.content.pressed is not None
    assert (vote.content.pressed.title, vote.content.quoted and vote.content.quoted.text) == (
        "red, grün",
        "Which colour?",
    )
    assert eventually(lambda: hub.conversation().needs_reply_since)


@pytest.mark.parametrize(
    ("poll", "options", "note"),
    [("3EB00001", (), "Took back their vote"), ("ELSEWHERE", ("red",), "Voted in a poll that is not stored here")],
)
def test_a_vote_without_words_is_a_note(
    hub: Hub, whatsapp: WhatsApp, link: Link, poll: str, options: tuple[str, ...], note: str
) -> None:
    _sent(hub, "", poll={"question": "Which colour?", "options": ["red", "blue"]})
    _vote(whatsapp, link, "V1", poll, *options)
    assert [each.text for each in eventually(lambda: hub.messages(Direction.SYSTEM))] == [note]


def _may_have_arrived(hub: Hub, whatsapp: WhatsApp, link: Link, text: str) -> Link:
    """A worker is killed after WhatsApp has taken a message, and before it says so; returns the one that follows."""
    whatsapp.answering = False
    answer(hub, text)
    eventually(whatsapp.sent)
    link.end()
    eventually(lambda: [item for item in hub.documents("outbox") if item["unknown_since"] and not item["open"]])
    whatsapp.answering = True
    return whatsapp.link()


def _fate(hub: Hub, text: str) -> tuple[MessageStatus, str | None]:
    (message,) = [each for each in hub.messages() if each.text == text]
    return message.status, message.external_message_id


def test_a_receipt_settles_a_message_whose_worker_was_killed_before_it_told_the_id(
    hub: Hub, whatsapp: WhatsApp, link: Link
) -> None:
    again = _may_have_arrived(hub, whatsapp, link, "Did it arrive?")
    again.say(protocol.Receipt(chat=CUSTOMER, ids=["3EB00001"], status="DELIVERY_ACK"))
    eventually(lambda: _fate(hub, "Did it arrive?") == (MessageStatus.DELIVERED, "3EB00001"))
    assert len(whatsapp.sent()) == 1


def test_an_echo_settles_a_message_whose_worker_was_killed(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    again = _may_have_arrived(hub, whatsapp, link, "Did it arrive?")
    whatsapp.write(again, "3EB0FFFF", "Did it arrive?", fromMe=True)
    eventually(lambda: _fate(hub, "Did it arrive?") == (MessageStatus.SENT, "3EB0FFFF"))
    assert len(whatsapp.sent()) == 1


def test_a_receipt_of_another_message_settles_nothing(hub: Hub, whatsapp: WhatsApp, link: Link) -> None:
    again = _may_have_arrived(hub, whatsapp, link, "Did it arrive?")
    again.say(protocol.Receipt(chat=CUSTOMER, ids=["3EB0AAAA"], status="DELIVERY_ACK"))
    whatsapp.write(again, "M2", "A word after it")
    eventually(lambda: [each for each in hub.messages() if each.external_message_id == "M2"])
    assert _fate(hub, "Did it arrive?")[0] is MessageStatus.DEAD


def test_what_whatsapp_does_not_acknowledge_is_unknown_and_not_sent_again(
    hub: Hub, whatsapp: WhatsApp, link: Link
) -> None:
    whatsapp.timeouts = 1
    answer(hub, "Did it arrive?")
    eventually(lambda: [item for item in hub.documents("outbox") if item["reason"] == "outcome_unknown"])
    link.say(protocol.Receipt(chat=CUSTOMER, ids=["3EB00001"], status="READ"))
    eventually(lambda: _fate(hub, "Did it arrive?") == (MessageStatus.READ, "3EB00001"))
    assert len(whatsapp.sent()) == 1


def _typing(hub: Hub) -> list[dict[str, Any]]:
    return [event.payload for event in hub.realtime if event.name == "typing"]


@pytest.mark.parametrize("other", [CUSTOMER, ""], ids=["with their number", "by their hidden id alone"])
def test_people_of_the_business_see_that_a_customer_writes(hub: Hub, link: Link, other: str) -> None:
    link.say(protocol.Composing(chat=HIDDEN, other=other))
    (event,) = eventually(lambda: _typing(hub))
    conversation = hub.conversation()
    assert event == {
        "conversation_id": conversation.id,
        "author": "customer",
        "author_id": conversation.customer_id,
        "author_name": None,
    }


def test_who_never_wrote_is_not_told_to_write(hub: Hub, link: Link) -> None:
    link.say(protocol.Composing(chat="5511977776666@s.whatsapp.net"))
    link.say(protocol.Composing(chat=CUSTOMER))
    (event,) = eventually(lambda: _typing(hub))
    assert event["conversation_id"] == hub.conversation().id


def test_old_news_that_a_customer_writes_is_told_to_nobody(hub: Hub, link: Link) -> None:
    (instance,) = hub.documents("instances", tenant_id=hub.tenant_id)

    def tell(seconds_ago: float) -> None:
        update = {"event": "typing", "sender": ACCOUNT, "data": {"key": {"remoteJid": CUSTOMER, "fromMe": False}}}
        event = InboundEvent(
            tenant_id=hub.tenant_id,
            instance_id=instance["id"],
            channel="whatsapp_web",
            payload=update,
            received_at=hub.deps.now() - timedelta(seconds=seconds_ago),
        )
        normalize(hub.deps, event)

    tell(11)
    tell(0)
    assert len(eventually(lambda: _typing(hub))) == 1


@pytest.mark.parametrize("online", [True, False])
def test_an_account_is_shown_online_where_its_configuration_says_so(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels, online: bool
) -> None:
    _, link = paired(hub, whatsapp, start, channels, online=online)
    (command,) = link.of(protocol.Start)
    assert command.online == online
