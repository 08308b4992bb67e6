"""The connection of one WhatsApp account over a worker: what is sent, what comes, and how it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.line import BANNED_SECONDS, WorkerLine
from infra.sockets.whatsapp.session_files import SessionFiles
from shared.adapters.embedded.snapshots import DirectorySnapshots
from shared.channel.connection import Listener, SessionEnded
from shared.channels.whatsapp_web.gateway import Posted, Session
from shared.errors import LONGEST_PAUSE, HubError, OutcomeUnknown, ProviderRejected, ProviderUnavailable
from tests.eventually import eventually
from tests.whatsapp.pretended import ACCOUNT, CUSTOMER, Link, WhatsApp, pretended
from tests.whatsapp.test_protocol import GARBAGE

SESSION = Session(id="5e55", key=bytes(32), epoch=1)
TEXT = {"conversation": "Hello"}


@dataclass
class Reports:
    """What the hub hears of the line; the first `failures` updates cannot be stored."""

    updates: list[Mapping[str, Any]] = field(default_factory=list)
    ends: list[tuple[bool, str]] = field(default_factory=list)
    pairings: int = 0
    failures: int = 0

    def update(self, update: Mapping[str, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the store is down")
        self.updates.append(update)

    def end(self, is_over: bool, why: str) -> None:
        self.ends.append((is_over, why))

    def pair(self) -> None:
        self.pairings += 1
        raise RuntimeError("a listener that fails ends no line")

    def of(self, event: str) -> list[Any]:
        return [update["data"] for update in self.updates if update["event"] == event]


@dataclass
class Account:
    """An account whose code was scanned: its line, its worker, and what the hub hears."""

    line: WorkerLine
    link: Link
    reports: Reports
    snapshots: DirectorySnapshots

    def is_open(self) -> bool:
        return bool(self.reports.of("connected"))

    def can_send(self) -> bool:
        try:
            self.line.show_typing(CUSTOMER)
        except ProviderUnavailable:
            return False
        return True

    @contextmanager
    def sending(self) -> Iterator[tuple[Future[Posted], int]]:
        """A message that WhatsApp has not answered yet, and its number."""
        with ThreadPoolExecutor(1) as thread:
            sent = thread.submit(self.line.send, CUSTOMER, TEXT)
            eventually(lambda: self.link.of(protocol.Send))
            yield sent, self.link.of(protocol.Send)[-1].number


@pytest.fixture
def whatsapp(tmp_path: Path) -> Iterator[WhatsApp]:
    with pretended(tmp_path) as whatsapp:
        whatsapp.answering = False
        yield whatsapp


@pytest.fixture
def open_line(whatsapp: WhatsApp, tmp_path: Path) -> Iterator[Callable[..., Account]]:
    """Opens a line whose worker shows a code."""
    lines: list[WorkerLine] = []

    def account(**worker: Any) -> Account:
        snapshots, reports = DirectorySnapshots(tmp_path / "sessions"), Reports()
        files = SessionFiles(snapshots, SESSION)
        listener = Listener(reports.update, reports.end, reports.pair)
        lines.append(WorkerLine(replace(whatsapp.worker, **worker), files, SESSION, listener))
        return Account(lines[-1], whatsapp.link(), reports, snapshots)

    yield account
    for line in lines:
        line.close()


@pytest.fixture
def account(whatsapp: WhatsApp, open_line: Callable[..., Account]) -> Account:
    opened = open_line()
    whatsapp.scan(opened.link)
    eventually(opened.is_open)
    return opened


def test_a_pairing_is_told_once_and_saved_before_and_fails_no_line(account: Account) -> None:
    account.link.say(protocol.Disconnected(), protocol.Connected(account=ACCOUNT, name="Shop"))
    eventually(lambda: len(account.reports.of("connected")) == 2)
    assert account.reports.pairings == 1
    assert account.snapshots.latest(SESSION.id) is not None
    assert {update["sender"] for update in account.reports.updates if update["event"] == "connected"} == {ACCOUNT}


def test_what_whatsapp_took_has_its_id(account: Account) -> None:
    with account.sending() as (sent, number):
        account.link.say(protocol.Answer(number=number + 1, message_id="OTHER"))
        account.link.say(protocol.Answer(number=number, message_id="M1", chat="1@lid"))
        assert sent.result(15) == Posted(message_id="M1", chat="1@lid")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"outcome": "refused", "why": "too many"}, ProviderRejected),
        ({"outcome": "unavailable", "why": "no such file"}, ProviderUnavailable),
        ({"outcome": "unknown", "why": "no word"}, OutcomeUnknown),
        ({"outcome": "done"}, OutcomeUnknown),
    ],
    ids=["refused", "unavailable", "unknown", "without an id"],
)
def test_what_whatsapp_did_not_take_says_so(account: Account, answer: dict[str, Any], error: type[HubError]) -> None:
    with account.sending() as (sent, number):
        account.link.say(protocol.Answer(number=number, **answer))
        with pytest.raises(error, match=answer.get("why")):
            sent.result(15)


def test_nobody_knows_what_became_of_a_message_whose_worker_ended(account: Account) -> None:
    with account.sending() as (sent, _):
        account.link.end()
        with pytest.raises(OutcomeUnknown, match="ended before WhatsApp answered"):
            sent.result(15)
    with pytest.raises(ProviderUnavailable):
        account.line.send(CUSTOMER, TEXT)


def test_nothing_is_sent_while_the_connection_is_broken(account: Account) -> None:
    account.link.say(protocol.Disconnected())
    eventually(lambda: not account.can_send())
    with pytest.raises(ProviderUnavailable, match="not connected"):
        account.line.send(CUSTOMER, TEXT)
    assert account.link.of(protocol.Send) == []


def test_the_customer_sees_that_somebody_types_and_has_read(account: Account) -> None:
    account.line.show_typing(CUSTOMER)
    account.line.mark_read(CUSTOMER, CUSTOMER, ["M1"])
    assert account.link.of(protocol.Typing) == [protocol.Typing(to=CUSTOMER, is_typing=True)]
    assert [(each.chat, each.ids) for each in account.link.of(protocol.Read)] == [(CUSTOMER, ["M1"])]


def test_what_came_is_handed_over_again_until_it_is_stored(account: Account, whatsapp: WhatsApp) -> None:
    account.reports.failures = 1
    whatsapp.write(account.link, "M1", "Hello")
    whatsapp.write(account.link, "M2", "Are you there?")
    eventually(lambda: len(account.reports.of("message")) == 2)
    assert [data["key"]["id"] for data in account.reports.of("message")] == ["M1", "M2"]


def test_the_worker_hears_that_a_message_was_taken_once_it_is_stored(account: Account, whatsapp: WhatsApp) -> None:
    account.reports.failures = 1
    whatsapp.write(account.link, "M1", "Hello")
    whatsapp.write(account.link, "M2", "Are you there?")
    eventually(lambda: len(account.link.of(protocol.Taken)) == 2)
    assert [each.message_id for each in account.link.of(protocol.Taken)] == ["M1", "M2"]
    assert account.reports.failures == 0


def test_the_worker_does_not_hear_that_a_message_was_taken_which_could_not_be_stored(
    account: Account, whatsapp: WhatsApp
) -> None:
    account.reports.failures = 1_000
    whatsapp.write(account.link, "M1", "Hello")
    eventually(lambda: account.reports.failures < 1_000)
    account.line.close()
    assert account.link.of(protocol.Taken) == []


def test_the_past_is_taken_without_a_word(account: Account, whatsapp: WhatsApp) -> None:
    account.link.say(protocol.Message(data={"key": {"id": "M0"}}, history=True))
    whatsapp.write(account.link, "M1", "Hello")
    eventually(lambda: account.link.of(protocol.Taken))
    assert [each.message_id for each in account.link.of(protocol.Taken)] == ["M1"]


def test_each_message_of_a_receipt_is_told(account: Account) -> None:
    account.link.say(protocol.Receipt(chat=CUSTOMER, ids=["M1", "M2"], status="READ"))
    eventually(lambda: len(account.reports.of("receipt")) == 2)
    keys = [(data["key"]["id"], data["key"]["remoteJid"], data["status"]) for data in account.reports.of("receipt")]
    assert keys == [("M1", CUSTOMER, "READ"), ("M2", CUSTOMER, "READ")]


@pytest.mark.parametrize(
    ("report", "end", "rest", "is_kept"),
    [
        (protocol.Replaced(), (False, "another process uses the account's keys"), 0, True),
        (protocol.LoggedOut(why="unlinked"), (True, "unlinked"), 0, False),
        (protocol.PairingEnded(why="too late"), (True, "too late"), 0, False),
        (protocol.Banned(why="spam"), (False, "spam"), BANNED_SECONDS, True),
        (protocol.Banned(why="spam", seconds=7), (False, "spam"), 7, True),
        (protocol.Banned(why="spam", seconds=10**9), (False, "spam"), LONGEST_PAUSE, True),
        (protocol.Failed(why="no disk"), (False, "no disk"), 0, True),
    ],
    ids=["replaced", "logged out", "pairing ended", "banned", "for a while", "for ever", "failed"],
)
def test_the_end_says_why_and_whether_it_is_for_good(
    account: Account, report: protocol.Report, end: tuple[bool, str], rest: float, is_kept: bool
) -> None:
    account.link.say(report)
    eventually(lambda: account.reports.ends)
    assert (account.reports.ends, account.line.rest_seconds) == ([end], rest)
    assert (account.snapshots.latest(SESSION.id) is not None) == is_kept
    assert account.reports.of("banned") == ([{"why": "spam"}] if isinstance(report, protocol.Banned) else [])
    eventually(lambda: not account.link.is_open)


def test_a_worker_that_dies_without_a_word_ends_the_line(account: Account) -> None:
    account.link.end()
    eventually(lambda: account.reports.ends == [(False, "the worker ended")])
    account.line.ping()
    account.line.look()
    assert len(account.reports.ends) == 1


def test_a_worker_that_talks_nonsense_is_heard_none_the_less(account: Account, whatsapp: WhatsApp) -> None:
    account.link.connection.sendall(b"\n".join(line.replace(b"\n", b"") for line in GARBAGE) + b"\n")
    whatsapp.write(account.link, "M1", "Hello")
    eventually(lambda: [data["key"]["id"] for data in account.reports.of("message")] == ["M1"])
    assert account.reports.ends == []


def test_a_worker_that_ends_in_the_middle_of_a_line_has_not_said_it(account: Account) -> None:
    line = protocol.line(protocol.Message(data={"key": {"id": "M1"}}))
    account.link.connection.sendall(line.removesuffix(b"\n"))
    account.link.end()
    eventually(lambda: account.reports.ends == [(False, "the worker ended")])
    assert account.reports.of("message") == []


def test_a_worker_that_brings_more_than_can_be_published_is_ended(account: Account) -> None:
    account.reports.failures = 10**9
    report = protocol.line(protocol.Disconnected())
    message = protocol.line(protocol.Message(data={"key": {"id": "M"}}))
    account.link.connection.sendall(message * 20_100 + report)
    eventually(lambda: not account.can_send(), 60)
    account.line.look()
    eventually(lambda: not account.link.is_open, 60)


def test_who_leaves_is_unlinked_and_nothing_is_kept(account: Account, whatsapp: WhatsApp) -> None:
    account.line.leave()
    assert (whatsapp.unlinked, account.snapshots.latest(SESSION.id)) == (True, None)


def test_a_line_that_was_closed_tells_no_end_and_is_looked_after_no_more(account: Account) -> None:
    account.line.close()
    account.line.look()
    account.line.ping()
    assert account.line.is_closed
    assert account.reports.ends == []


def test_what_changed_last_is_saved_when_the_line_is_closed(account: Account) -> None:
    assert account.link.store is not None
    with closing(sqlite3.connect(account.link.store)) as store, store:
        store.execute("CREATE TABLE latest (name TEXT)")
    before = account.snapshots.latest(SESSION.id)
    account.line.close()
    assert account.snapshots.latest(SESSION.id) != before
    next_holder = SessionFiles(account.snapshots, replace(SESSION, epoch=2))
    assert next_holder.restore()
    with closing(sqlite3.connect(next_holder.store)) as store:
        assert store.execute("SELECT name FROM sqlite_master WHERE name = 'latest'").fetchall() == [("latest",)]
    next_holder.close()


def test_a_worker_is_pinged_and_left_alone_while_it_is_well(account: Account) -> None:
    account.line.look()
    account.line.ping()
    eventually(lambda: account.link.of(protocol.Ping))
    assert account.reports.ends == []


def test_a_worker_that_needs_too_much_memory_is_ended(open_line: Callable[..., Account]) -> None:
    account = open_line(most_bytes=1)
    account.line.look()
    eventually(lambda: account.reports.ends == [(False, "the worker needs too much memory")])


def test_a_line_that_does_not_open_in_time_says_so(open_line: Callable[..., Account]) -> None:
    with pytest.raises(ProviderUnavailable, match="in time"):
        open_line().line.wait_until_open(0.01)


@pytest.mark.parametrize(
    ("report", "error"),
    [(protocol.LoggedOut(why="unlinked"), SessionEnded), (protocol.Failed(why="no route"), ProviderUnavailable)],
    ids=["for good", "for now"],
)
def test_who_waits_for_a_line_that_ends_is_told_instead(
    open_line: Callable[..., Account], report: protocol.Report, error: type[HubError]
) -> None:
    account = open_line()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(account.line.wait_until_open)
        eventually(lambda: account.line._is_paired)
        account.link.say(report)
        with pytest.raises(ProviderUnavailable) as raised:
            waiting.result(15)
    assert type(raised.value) is error
    account.line.close()
    assert account.reports.ends == []
