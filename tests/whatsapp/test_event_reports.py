"""What the library's events become in the protocol: events have its names, and its messages a small form."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.arrivals import Arrivals
from infra.sockets.whatsapp.event_reports import EventReporter
from infra.sockets.whatsapp.library_errors import outcome, reason
from infra.sockets.whatsapp.message_copies import MessageCopies, copies_in
from tests.eventually import eventually

Field = descriptor_pb2.FieldDescriptorProto
NONE = SimpleNamespace(User="", Server="")
PHONE = SimpleNamespace(User="5511", Server="s.whatsapp.net")
LID, UNLEARNED = (SimpleNamespace(User=user, Server="lid") for user in ("77", "78"))
GROUP = SimpleNamespace(User="99", Server="g.us")
OWN = SimpleNamespace(User="5500", Server="s.whatsapp.net")


def _forms() -> dict[str, Any]:
    """A message that says something or votes, and one of a history."""
    file = descriptor_pb2.FileDescriptorProto(name="message.proto", package="test", syntax="proto3")
    forms: dict[str, dict[str, str | None]] = {
        "Key": {"ID": None, "remoteJID": None},
        "Vote": {"selected": None},
        "Message": {"conversation": None, "pollUpdateMessage": "Vote"},
        "Stored": {"key": "Key", "message": "Message"},
    }
    for name, fields in forms.items():
        form = file.message_type.add(name=name)
        for number, (each, of) in enumerate(fields.items(), 1):
            kind = {"type": Field.TYPE_MESSAGE, "type_name": f".test.{of}"} if of else {"type": Field.TYPE_STRING}
            form.field.add(name=each, json_name=each, number=number, label=Field.LABEL_OPTIONAL, **kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}")) for name in forms}


FORMS = _forms()
HELLO = FORMS["Message"](conversation="Hello")
VOTE = FORMS["Message"](pollUpdateMessage=FORMS["Vote"](selected="?"))


@dataclass
class Library:
    """What the library knows of the account and of others."""

    me: Any = None
    votes: str | None = "yes"
    requests: list[tuple[str, bool]] = field(default_factory=list)

    def get_me(self) -> Any:
        return self.me

    def get_pn_from_lid(self, lid: Any, /) -> Any:
        if lid is not LID:
            raise LookupError("nobody knows")
        return PHONE

    def decrypt_poll_vote(self, message: Any, /) -> Any:
        if self.votes is None:
            raise LookupError("no secret")
        return FORMS["Vote"](selected=self.votes)

    def PairPhone(self, phone: str, show_push_notification: bool, /) -> str:
        self.requests.append((phone, show_push_notification))
        return "ABCD-EFGH"


@dataclass
class Reporting:
    reporter: EventReporter
    reports: list[protocol.Report]
    library: Library
    directory: Path
    copies: MessageCopies
    arrivals: Arrivals

    def of_message(self) -> Any:
        """The message that was told, which is kept beside as it was told."""
        (report,) = self.reports
        assert isinstance(report, protocol.Message)
        (copy,) = copies_in(self.directory)
        assert (copy.name, copy.read_bytes()) == (report.copy, protocol.line(replace(report, copy=None)))
        assert not report.history
        return report.data


def _reporting(directory: Path, phone: str | None = None, own: str = "") -> Reporting:
    library, reports = Library(), list[protocol.Report]()
    copies = MessageCopies(directory)
    arrivals = Arrivals(copies)
    reporter = EventReporter(reports.append, copies, arrivals, library, phone, own)
    return Reporting(reporter, reports, library, directory, copies, arrivals)


@pytest.fixture
def reporting(tmp_path: Path) -> Reporting:
    return _reporting(tmp_path)


def _source(**fields: Any) -> Any:
    defaults = {"Chat": PHONE, "Sender": PHONE, "SenderAlt": NONE, "RecipientAlt": NONE}
    return SimpleNamespace(**(defaults | {"IsFromMe": False, "IsGroup": False} | fields))


def _message(message: Any = HELLO, **source: Any) -> Any:
    info = SimpleNamespace(ID="M1", MessageSource=_source(**source), Timestamp=1_700_000_000_999, Pushname="Alice")
    return SimpleNamespace(Info=info, Message=message)


def test_the_first_code_is_good_for_longer_than_those_that_follow(reporting: Reporting) -> None:
    for code in "abc":
        reporting.reporter.code(code)
    assert reporting.reports == [
        protocol.Qr(code=code, seconds=seconds) for code, seconds in (("a", 60), ("b", 20), ("c", 20))
    ]
    assert reporting.library.requests == []


def test_a_code_to_type_in_is_asked_for_once(tmp_path: Path) -> None:
    reporting = _reporting(tmp_path, phone="5511999990000")
    reporting.reporter.code("a")
    eventually(lambda: len(reporting.reports) == 2)
    reporting.reporter.code("b")
    assert reporting.reports == [
        protocol.Qr(code="a", seconds=60),
        protocol.Qr(code="a", seconds=60, pairing_code="ABCD-EFGH"),
        protocol.Qr(code="b", seconds=20),
    ]
    assert reporting.library.requests == [("5511999990000", True)]


@pytest.mark.parametrize(
    ("status", "reports"),
    [
        ("success", []),
        ("timeout", ["nobody scanned the code in time: connect the channel again"]),
        ("error", ["WhatsApp refused the pairing (error): connect the channel again"]),
    ],
)
def test_a_pairing_that_fails_says_why(reporting: Reporting, status: str, reports: Sequence[str]) -> None:
    reporting.reporter.pairing_ended(status)
    assert reporting.reports == [protocol.PairingEnded(why=why) for why in reports]


def test_a_pairing_says_whose_account_it_is_or_why_it_was_refused(reporting: Reporting) -> None:
    reporting.reporter.paired(SimpleNamespace(ID=OWN, Error=""))
    reporting.reporter.paired(SimpleNamespace(ID=NONE, Error="x" * 400))
    paired, ended = reporting.reports
    assert paired == protocol.Paired(account="5500@s.whatsapp.net")
    assert isinstance(ended, protocol.PairingEnded)
    assert (ended.why[:32], len(ended.why)) == ("WhatsApp refused the pairing: xx", 300)


@pytest.mark.parametrize(
    ("me", "connected"),
    [
        (SimpleNamespace(JID=PHONE, PushName="Shop"), ("5511@s.whatsapp.net", "Shop")),
        (SimpleNamespace(JID=NONE, PushName=""), ("before@s.whatsapp.net", None)),
    ],
    ids=["as whatsapp says", "as it was before"],
)
def test_a_connection_says_whose_it_is(tmp_path: Path, me: Any, connected: tuple[str, str | None]) -> None:
    reporting = _reporting(tmp_path, own="before@s.whatsapp.net")
    reporting.library.me = me
    reporting.reporter.connected(None)
    account, name = connected
    assert reporting.reports == [protocol.Connected(account=account, name=name)]


def test_each_end_of_a_connection_is_told_as_what_it_is(reporting: Reporting) -> None:
    reporter = reporting.reporter
    reporter.disconnected(None)
    reporter.replaced(None)
    reporter.logged_out(None)
    reporter.banned(SimpleNamespace(Expire=60.0))
    reporter.refused(SimpleNamespace(Message="no route", Reason=500))
    reporter.refused(SimpleNamespace(Message="", Reason=503.0))
    reporter.refused(SimpleNamespace(Message="x" * 400, Reason=503.0))
    reporter.outdated(None)
    assert reporting.reports == [
        protocol.Disconnected(),
        protocol.Replaced(),
        protocol.LoggedOut(why="unlinked on the phone: pair the account again"),
        protocol.Banned(why="WhatsApp has banned the account for some time", seconds=60),
        protocol.Failed(why="WhatsApp refuses the connection: no route"),
        protocol.Failed(why="WhatsApp refuses the connection: 503"),
        protocol.Failed(why=f"WhatsApp refuses the connection: {'x' * 267}"),
        protocol.Failed(why="WhatsApp wants a newer version of neonize: update the hub"),
    ]


def test_a_message_is_told_with_a_copy_to_keep(reporting: Reporting) -> None:
    reporting.reporter.message(_message())
    assert reporting.of_message() == {
        "key": {"id": "M1", "remoteJid": "5511@s.whatsapp.net", "remoteJidAlt": "", "fromMe": False},
        "messageTimestamp": 1_700_000_000,
        "pushName": "Alice",
        "message": {"conversation": "Hello"},
    }


def test_a_message_that_cannot_be_copied_is_told_without_a_copy(reporting: Reporting) -> None:
    shutil.rmtree(reporting.directory / "copies")
    reporting.reporter.message(_message())
    (report,) = reporting.reports
    assert isinstance(report, protocol.Message)
    assert (report.data["key"]["id"], report.copy) == ("M1", None)


@pytest.mark.parametrize("has_room", [True, False], ids=["with a copy", "without one"])
def test_whatsapp_hears_of_a_message_that_was_told_when_the_hub_has_taken_it(
    reporting: Reporting, has_room: bool
) -> None:
    reporting.arrivals.hear("Client/Recv", '<message from="5511@s.whatsapp.net" id="M1" t="1"/>')
    if not has_room:
        shutil.rmtree(reporting.directory / "copies")
    reporting.reporter.message(_message())
    assert reporting.copies.unpublished()
    with ThreadPoolExecutor(1) as thread:
        confirmed = thread.submit(reporting.arrivals.hear, "Client/Send", '<receipt id="M1"/>')
        with pytest.raises(FutureTimeout):
            confirmed.result(0.1)
        reporting.arrivals.settle("M1")
        confirmed.result(10)


def test_whatsapp_hears_at_once_of_a_message_that_cannot_be_decrypted(reporting: Reporting) -> None:
    reporting.arrivals.hear("Client/Recv", '<message from="5511@s.whatsapp.net" id="M1" t="1"/>')
    reporting.reporter.undecryptable(_message())
    reporting.arrivals.hear("Client/Send", '<receipt id="M1" type="retry"/>')
    assert not reporting.copies.unpublished()


@pytest.mark.parametrize(("votes", "vote"), [("yes", {"vote": {"selected": "yes"}}), (None, {})])
def test_a_vote_says_for_what_where_the_poll_is_one_of_ours(
    reporting: Reporting, votes: str | None, vote: dict[str, Any]
) -> None:
    reporting.library.votes = votes
    reporting.reporter.message(_message(VOTE))
    data = reporting.of_message()
    assert {name: data[name] for name in ("vote",) if name in data} == vote
    assert data["message"] == {"pollUpdateMessage": {"selected": "?"}}


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"Chat": LID, "SenderAlt": OWN}, {"remoteJid": "77@lid", "remoteJidAlt": "5500@s.whatsapp.net"}),
        ({"Chat": LID}, {"remoteJid": "77@lid", "remoteJidAlt": "5511@s.whatsapp.net"}),
        ({"Chat": UNLEARNED}, {"remoteJid": "78@lid", "remoteJidAlt": ""}),
        (
            {"Chat": LID, "IsFromMe": True, "SenderAlt": OWN, "RecipientAlt": PHONE},
            {"remoteJid": "77@lid", "remoteJidAlt": "5511@s.whatsapp.net", "fromMe": True},
        ),
        (
            {"Chat": GROUP, "IsGroup": True, "Sender": LID},
            {"remoteJid": "99@g.us", "participant": "77@lid", "participantAlt": "5511@s.whatsapp.net"},
        ),
        (
            {"Chat": GROUP, "IsGroup": True, "Sender": LID, "SenderAlt": OWN},
            {"remoteJid": "99@g.us", "participant": "77@lid", "participantAlt": "5500@s.whatsapp.net"},
        ),
    ],
    ids=["with a phone", "with one that was learned", "with none", "from us", "in a group", "there with a phone"],
)
def test_a_person_has_a_phone_and_a_hidden_address(
    reporting: Reporting, source: dict[str, Any], key: dict[str, Any]
) -> None:
    reporting.reporter.message(_message(**source))
    assert reporting.of_message()["key"] == {"id": "M1", "fromMe": False} | key


def test_receipts_are_those_of_the_customer_s_devices(reporting: Reporting) -> None:
    for number in range(8):
        event = SimpleNamespace(Type=number, MessageSource=_source(), MessageIDs=("M1", "M2"))
        reporting.reporter.receipt(event)
    reporting.reporter.receipt(SimpleNamespace(Type=4, MessageSource=_source(IsFromMe=True), MessageIDs=("M1",)))
    assert reporting.reports == [
        protocol.Receipt(chat="5511@s.whatsapp.net", ids=["M1", "M2"], status=status)
        for status in ("DELIVERY_ACK", "READ", "PLAYED")
    ]


def test_who_writes_in_a_private_chat_is_told_and_who_stopped_or_writes_in_a_group_is_not(reporting: Reporting) -> None:
    composing, paused = 1, 2
    for state, source in (
        (composing, {"Chat": LID, "SenderAlt": PHONE}),
        (composing, {"Chat": LID}),
        (composing, {}),
        (paused, {}),
        (composing, {"Chat": GROUP, "IsGroup": True}),
        (composing, {"IsFromMe": True}),
    ):
        reporting.reporter.chat_presence(SimpleNamespace(State=state, MessageSource=_source(**source)))
    assert reporting.reports == [
        protocol.Composing(chat="77@lid", other="5511@s.whatsapp.net"),
        protocol.Composing(chat="77@lid", other="5511@s.whatsapp.net"),
        protocol.Composing(chat="5511@s.whatsapp.net", other=""),
    ]


def test_a_call_is_told_like_a_message(reporting: Reporting) -> None:
    call = SimpleNamespace(callID="C1", callCreatorAlt=PHONE, timestamp=1_700_000_000_999, **{"from": LID})
    reporting.reporter.call(SimpleNamespace(basicCallMeta=call))
    assert reporting.of_message() == {
        "key": {"id": "C1", "remoteJid": "77@lid", "remoteJidAlt": "5511@s.whatsapp.net", "fromMe": False},
        "messageTimestamp": 1_700_000_000,
        "message": {"call": {}},
    }


def _chat(chat: str, count: int, **addresses: str) -> Any:
    """A chat of so many messages, newest first; the first of them all is empty."""
    texts = [FORMS["Message"](conversation=str(number)) for number in range(count, 1, -1)]
    keys = [FORMS["Key"](ID=f"{chat}{number}") for number in range(count, 0, -1)]
    stored = [FORMS["Stored"](key=key, message=text) for key, text in zip(keys, [*texts, None], strict=True)]
    messages = [SimpleNamespace(message=each) for each in stored]
    return SimpleNamespace(ID=chat, messages=messages, **({"pnJID": "", "lidJID": ""} | addresses))


def test_the_past_is_told_oldest_first_and_what_is_empty_is_not(reporting: Reporting) -> None:
    chats = [_chat("1@lid", 3, pnJID="5511@s.whatsapp.net"), _chat("5512@s.whatsapp.net", 2, lidJID="2@lid")]
    chats[1].messages[0].message.key.remoteJID = "other@s.whatsapp.net"
    reporting.reporter.history(SimpleNamespace(Data=SimpleNamespace(conversations=chats)))
    expected = [
        ("1@lid2", "1@lid", "5511@s.whatsapp.net", "2"),
        ("1@lid3", "1@lid", "5511@s.whatsapp.net", "3"),
        ("5512@s.whatsapp.net2", "other@s.whatsapp.net", "2@lid", "2"),
    ]
    assert reporting.reports == [
        protocol.Message(
            data={
                "key": {"id": identifier, "remoteJid": chat, "remoteJidAlt": other},
                "message": {"conversation": text},
            },
            history=True,
        )
        for identifier, chat, other, text in expected
    ]
    assert copies_in(reporting.directory) == []


def test_of_a_long_past_the_first_five_thousand_messages_are_told(reporting: Reporting) -> None:
    chats = [_chat("1@lid", 4_998), _chat("2@lid", 4), _chat("3@lid", 2)]
    reporting.reporter.history(SimpleNamespace(Data=SimpleNamespace(conversations=chats)))
    last = [each.data["key"]["id"] for each in reporting.reports[-2:] if isinstance(each, protocol.Message)]
    assert (len(reporting.reports), last) == (4_999, ["2@lid3", "2@lid4"])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Websocket not connected", "unavailable"),
        ("not logged in", "unavailable"),
        ("failed to get device list: timeout", "unavailable"),
        ("failed to encrypt", "unavailable"),
        ("server returned error 463", "refused"),
        ("no LID found for it", "refused"),
        ("unknown server x", "refused"),
        ("recipient must be a user", "refused"),
        ("timed out", "unknown"),
    ],
)
def test_the_library_s_words_say_what_became_of_a_message(text: str, meaning: str) -> None:
    assert outcome(RuntimeError(text)) == meaning


def test_an_error_is_told_with_its_kind_in_few_words() -> None:
    assert reason(RuntimeError("no")) == "RuntimeError: no"
    assert len(reason(RuntimeError("x" * 400))) == 300
