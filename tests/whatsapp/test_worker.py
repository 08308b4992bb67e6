"""What a worker does with the hub's commands, over a real socket; the account is the test's, and so is the exit."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

import pytest

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.worker import Hub, Worker
from tests.eventually import eventually

START = protocol.Start(store="/nowhere/store.db", name="Shop")
SENT = protocol.Send(number=1, to="1@lid", message={"conversation": "Hello"})
PICTURE = protocol.Media(number=2, to="1@lid", message={"imageMessage": {}}, content="AAEC")
TYPING = protocol.Typing(to="1@lid", is_typing=True)
READ = protocol.Read(number=3, chat="1@lid", sender="1@lid", ids=["M1"])
TAKEN = protocol.Taken(message_id="M1")
LOGOUT = protocol.Logout(number=4)


@dataclass
class Account:
    """An account that answers at once, and is connected until it is stopped."""

    tell: Callable[[protocol.Report], None]
    start: protocol.Start
    proxy: str | None
    commands: list[protocol.Command] = field(default_factory=list)
    is_connected: threading.Event = field(default_factory=threading.Event)
    is_stopped: threading.Event = field(default_factory=threading.Event)
    is_answering: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.is_answering.set()

    def run(self) -> None:
        self.tell(protocol.Connected(account="me"))
        self.is_connected.set()
        self.is_stopped.wait(30)

    def stop(self) -> None:
        self.is_stopped.set()

    def confirm(self, command: protocol.Taken) -> None:
        self.commands.append(command)

    def send(self, command: protocol.Send | protocol.Media) -> protocol.Answer:
        return self._answer(command)

    def logout(self, command: protocol.Logout) -> protocol.Answer:
        return self._answer(command)

    def read(self, command: protocol.Read) -> protocol.Answer:
        return self._answer(command)

    def typing(self, command: protocol.Typing) -> None:
        self.commands.append(command)

    def _answer(self, command: protocol.Send | protocol.Media | protocol.Logout | protocol.Read) -> protocol.Answer:
        self.is_answering.wait(30)
        self.commands.append(command)
        return protocol.Answer(number=command.number)


@dataclass
class Process:
    """A worker with the hub's end of its socket, and the statuses with which it left."""

    hub: socket.socket
    connection: Hub
    accounts: list[Account] = field(default_factory=list)
    reports: list[protocol.Report | None] = field(default_factory=list)
    exits: list[int] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    is_broken: bool = False

    def run(self, *commands: protocol.Command) -> None:
        worker = Worker(self.connection, "socks5://127.0.0.1:1", self._open, self.exits.append)
        self.threads = [threading.Thread(target=target, daemon=True) for target in (worker.run, self._listen)]
        for thread in self.threads:
            thread.start()
        self.say(*commands)

    def say(self, *commands: protocol.Command) -> None:
        self.hub.sendall(b"".join(map(protocol.line, commands)))

    def hang_up(self) -> None:
        self.hub.shutdown(socket.SHUT_RDWR)

    def answers(self) -> list[int]:
        return sorted(each.number for each in self.reports if isinstance(each, protocol.Answer))

    def close(self) -> None:
        self.hang_up()
        for thread in self.threads:
            thread.join(10)

    def _open(self, tell: Callable[[protocol.Report], None], start: protocol.Start, proxy: str | None) -> Account:
        if self.is_broken:
            raise RuntimeError("no such library")
        self.accounts.append(Account(tell, start, proxy))
        return self.accounts[-1]

    def _listen(self) -> None:
        with suppress(OSError), self.hub.makefile("rb") as lines:
            for line in lines:
                self.reports.append(protocol.report(line))


@pytest.fixture
def process() -> Iterator[Process]:
    hub, inherited = socket.socketpair()
    with closing(hub), closing(inherited):
        process = Process(hub, Hub(inherited))
        yield process
        process.close()


def test_it_says_that_it_lives_and_opens_the_account_that_it_is_told(process: Process) -> None:
    process.run(protocol.Ping(), START)
    eventually(lambda: protocol.Connected(account="me") in process.reports)
    assert process.reports[0] == protocol.Alive()
    assert [(each.start, each.proxy) for each in process.accounts] == [(START, "socks5://127.0.0.1:1")]
    assert process.exits == []


def test_each_command_goes_to_the_account_and_answers_come_back(process: Process) -> None:
    process.run(START)
    eventually(lambda: process.accounts and process.accounts[0].is_connected.is_set())
    commands: list[protocol.Command] = [SENT, PICTURE, TYPING, READ, LOGOUT]
    process.say(*commands)
    eventually(lambda: len(process.answers()) == 4 and len(process.accounts[0].commands) == 5)
    assert process.answers() == [1, 2, 3, 4]
    assert sorted(map(repr, process.accounts[0].commands)) == sorted(map(repr, commands))


def test_what_the_hub_has_taken_is_confirmed_while_all_else_waits(process: Process) -> None:
    process.run(START)
    eventually(lambda: process.accounts and process.accounts[0].is_connected.is_set())
    process.accounts[0].is_answering.clear()
    process.say(*[SENT] * 8, TAKEN)
    eventually(lambda: TAKEN in process.accounts[0].commands)
    assert process.answers() == []
    process.accounts[0].is_answering.set()


def test_nothing_is_done_before_there_is_an_account(process: Process) -> None:
    process.run(SENT, protocol.Stop())
    eventually(lambda: process.exits)
    assert (process.answers(), process.exits) == ([], [0])


@pytest.mark.parametrize("end", [lambda process: process.say(protocol.Stop()), Process.hang_up], ids=["told", "alone"])
def test_it_stops_the_account_and_leaves_when_it_is_told_to_or_left_alone(
    process: Process, end: Callable[[Process], None]
) -> None:
    process.run(START)
    eventually(lambda: process.accounts and process.accounts[0].is_connected.is_set())
    end(process)
    eventually(lambda: process.exits)
    assert (process.exits[0], process.accounts[0].is_stopped.is_set()) == (0, True)


def test_it_leaves_when_the_connection_is_given_up(process: Process) -> None:
    process.run(START)
    eventually(lambda: process.accounts)
    process.accounts[0].stop()
    eventually(lambda: process.exits == [3])


def test_a_library_that_cannot_be_used_is_told_before_it_leaves(process: Process) -> None:
    process.is_broken = True
    process.run(START)
    eventually(lambda: process.exits == [3])
    failure = protocol.Failed(why="neonize cannot be used here: no such library")
    eventually(lambda: process.reports[-1] == failure)


def test_it_leaves_a_hub_that_says_nothing_any_more(process: Process) -> None:
    process.connection.heard_at -= protocol.SILENCE_SECONDS
    process.run()
    eventually(lambda: process.exits == [1])


def test_whatever_the_hub_says_counts_as_life(process: Process) -> None:
    process.connection.heard_at = began_at = time.monotonic() - protocol.SILENCE_SECONDS / 2
    process.run(protocol.Ping())
    eventually(lambda: process.connection.heard_at > began_at)
    assert process.exits == []
