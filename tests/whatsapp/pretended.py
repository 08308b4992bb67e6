"""A WhatsApp that the tests play, at the other end of the workers' protocol; the workers are real processes."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.process import Worker
from tests.eventually import eventually

ACCOUNT = "5511900000000@s.whatsapp.net"
CUSTOMER = "5511988887777@s.whatsapp.net"


@dataclass(eq=False)
class Link:
    """One worker, from its start to its end: what it was told, and a way to have it say something."""

    pid: int
    connection: socket.socket
    commands: list[protocol.Command] = field(default_factory=list)
    store: Path | None = None
    is_open: bool = True

    def say(self, *reports: protocol.Report) -> None:
        self.connection.sendall(b"".join(map(protocol.line, reports)))

    def end(self) -> None:
        """The worker is killed."""
        os.kill(self.pid, signal.SIGKILL)

    def of(self, form: type[Any]) -> list[Any]:
        return [command for command in self.commands if isinstance(command, form)]


@dataclass
class WhatsApp:
    """`answering` answers what is sent, the next `timeouts` as if no acknowledgement came.

    Without `reachable` no connection comes about.
    """

    address: str
    links: list[Link] = field(default_factory=list)
    answering: bool = True
    reachable: bool = True
    unlinked: bool = False
    was_held_twice: bool = False
    refusals: list[str] = field(default_factory=list)
    timeouts: int = 0

    @property
    def worker(self) -> Worker:
        return Worker(command=[sys.executable, "-m", "tests.whatsapp.scripted_worker", self.address])

    def open_links(self) -> list[Link]:
        return [link for link in self.links if link.is_open]

    def link(self) -> Link:
        """The one worker that runs, as soon as it is there and was started."""
        eventually(lambda: len(self.open_links()) == 1 and self.open_links()[0].store is not None)
        return self.open_links()[0]

    def scan(self, link: Link) -> None:
        """A person scans the code that the worker shows."""
        assert link.store is not None
        with closing(sqlite3.connect(link.store)) as store, store:
            store.execute("CREATE TABLE whatsmeow_device (jid TEXT)")
            store.execute("INSERT INTO whatsmeow_device VALUES ('5511900000000:1@s.whatsapp.net')")
        link.say(protocol.Paired(account=ACCOUNT), protocol.Connected(account=ACCOUNT, name="Shop"))

    def write(self, link: Link, identifier: str, text: str, **key: Any) -> None:
        """A customer writes."""
        self.bring(link, identifier, {"message": {"conversation": text}}, **key)

    def bring(self, link: Link, identifier: str, data: dict[str, Any], **key: Any) -> None:
        """Something comes in a customer's chat."""
        whole = {"id": identifier, "remoteJid": CUSTOMER, "fromMe": False} | key
        about = {"key": whole, "messageTimestamp": int(time.time()), "pushName": "Alice"}
        link.say(protocol.Message(data=about | data))

    def contents(self) -> list[Any]:
        """What was sent, without the messages' secrets."""
        return [
            {name: value for name, value in command.message.items() if name != "messageContextInfo"}
            for command in self.sent()
        ]

    def sent(self) -> list[protocol.Send | protocol.Media]:
        return [
            command
            for link in self.links
            for command in link.commands
            if isinstance(command, (protocol.Send, protocol.Media))
        ]

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            link = Link(int(lines.readline()), connection)
            self.links.append(link)
            try:
                for line in lines:
                    self._hear(link, json.loads(line), line)
            except OSError:
                pass
            finally:
                link.is_open = False

    def _hear(self, link: Link, values: dict[str, Any], line: bytes) -> None:
        command = protocol.command(line)
        assert command is not None, values
        link.commands.append(command)
        match command:
            case protocol.Start():
                self._start(link, command)
            case protocol.Send() | protocol.Media():
                identifier = f"3EB0{len(self.sent()):04}"
                _note_secret(link, identifier, command)
                if self.answering:
                    link.say(self._answer(identifier, command))
            case protocol.Read():
                link.say(protocol.Answer(number=command.number))
            case protocol.Logout():
                self.unlinked = True
                link.say(protocol.Answer(number=command.number))
            case protocol.Stop():
                link.connection.shutdown(socket.SHUT_RDWR)

    def _start(self, link: Link, start: protocol.Start) -> None:
        store = Path(start.store)
        link.say(protocol.Alive())
        if not self.reachable:
            link.say(protocol.Failed(why="WhatsApp could not be reached: no route"))
        elif store.exists():
            self.was_held_twice |= sum(other.is_open and other is not link for other in self.links) > 0
            link.say(protocol.Connected(account=ACCOUNT, name="Shop"))
        else:
            code = "PAIR-CODE" if start.phone else None
            link.say(protocol.Qr(code="https://wa.me/#2@ref,noise,identity,adv,1", seconds=60, pairing_code=code))
        link.store = store  # whoever waits for it finds the code shown

    def _answer(self, identifier: str, command: protocol.Send | protocol.Media) -> protocol.Answer:
        if self.refusals:
            return protocol.Answer(number=command.number, outcome="refused", why=self.refusals.pop())
        if self.timeouts:
            self.timeouts -= 1
            return protocol.Answer(number=command.number, outcome="unknown", why="timed out waiting for a response")
        return protocol.Answer(number=command.number, message_id=identifier, chat=command.to)


def _note_secret(link: Link, identifier: str, command: protocol.Send | protocol.Media) -> None:
    """As the library does before it sends a message."""
    secret = command.message.get("messageContextInfo", {}).get("messageSecret")
    if secret is None or link.store is None:
        return
    with closing(sqlite3.connect(link.store)) as store, store:
        store.execute("CREATE TABLE IF NOT EXISTS whatsmeow_message_secrets (message_id TEXT, key BLOB)")
        store.execute("INSERT INTO whatsmeow_message_secrets VALUES (?, ?)", (identifier, base64.b64decode(secret)))


@contextmanager
def pretended(directory: Path) -> Iterator[WhatsApp]:
    """A WhatsApp for workers of this test."""
    address = str(directory / "whatsapp")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        whatsapp = WhatsApp(address)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=whatsapp.serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield whatsapp
        listener.shutdown(socket.SHUT_RDWR)
