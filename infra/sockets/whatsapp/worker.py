"""A worker: the process that holds one account's connection to WhatsApp.

    python -m infra.sockets.whatsapp.worker <socket>

Several accounts in one process would not do: the library's Go code aborts the whole process when it fails, its threads
cannot be ended, and its handles stay open. `protocol.py` is all that a worker says and hears.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Protocol, TypeAlias

from infra.sockets.whatsapp import protocol

_COMMANDS_AT_ONCE = 4


class Hub:
    """The other end of the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._writing = threading.Lock()
        self.heard_at = time.monotonic()

    def tell(self, report: protocol.Report) -> None:
        with self._writing:
            self._socket.sendall(protocol.line(report))

    def commands(self) -> Iterator[protocol.Command]:
        with self._socket.makefile("rb") as lines:
            for text in lines:
                self.heard_at = time.monotonic()
                command = protocol.command(text)
                if command is not None:
                    yield command


class Account(Protocol):
    """What `account.py` makes of the library."""

    def run(self) -> None: ...
    def stop(self) -> None: ...
    def confirm(self, command: protocol.Taken) -> None: ...
    def send(self, command: protocol.Send | protocol.Media) -> protocol.Answer: ...
    def logout(self, command: protocol.Logout) -> protocol.Answer: ...
    def typing(self, command: protocol.Typing) -> None: ...
    def read(self, command: protocol.Read) -> protocol.Answer: ...


OpenAccount: TypeAlias = Callable[[Callable[[protocol.Report], None], protocol.Start, str | None], Account]


def _with_neonize(tell: Callable[[protocol.Report], None], start: protocol.Start, proxy: str | None) -> Account:
    # neonize guesses the types of files with it, which are always told here; it would need libmagic.
    sys.modules.setdefault("magic", ModuleType("magic"))
    from infra.sockets.whatsapp import account  # noqa: PLC0415 - the hub has to hear that it fails

    return account.Account(tell, start, proxy)


class Worker:
    """Does what the hub says until it says nothing more; `leave` ends the process with a status."""

    def __init__(
        self,
        hub: Hub,
        proxy: str | None = None,
        open_account: OpenAccount = _with_neonize,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._hub = hub
        self._proxy = proxy
        self._open_account = open_account
        self._leave = leave
        self._account: Account | None = None
        self._pool = ThreadPoolExecutor(_COMMANDS_AT_ONCE)

    def run(self) -> None:
        threading.Thread(target=self._live, daemon=True).start()
        with suppress(OSError, ValueError):
            for command in self._hub.commands():
                self._carry_out(command)
        self.end()

    def end(self, *_: object) -> None:
        """Close the connection and leave at once: a pairing that is under way never ends by itself."""
        try:
            if self._account is not None:
                self._account.stop()
        finally:
            self._leave(0)

    def _live(self) -> None:
        """Tell the hub that there is life here, and end when it says nothing: it may not hold the account any more."""
        with suppress(OSError):
            while time.monotonic() - self._hub.heard_at < protocol.SILENCE_SECONDS:
                self._hub.tell(protocol.Alive())
                time.sleep(protocol.PING_SECONDS)
        self._leave(1)

    def _carry_out(self, command: protocol.Command) -> None:
        match command:
            case protocol.Start():
                # On a thread of its own: it takes seconds on a busy machine, and the hub's pings are to be heard.
                threading.Thread(target=self._start, args=(command,), daemon=True).start()
            case protocol.Stop():
                # On a thread of its own: what is taken meanwhile is to be heard.
                threading.Thread(target=self.end, daemon=True).start()
            case protocol.Ping():
                pass
            case protocol.Taken():
                if self._account is not None:
                    self._account.confirm(command)
            case _ if self._account is not None:
                self._pool.submit(partial(self._answer, self._account, command))

    def _start(self, command: protocol.Start) -> None:
        try:
            self._account = self._open_account(self._hub.tell, command, self._proxy)
        except Exception as error:  # noqa: BLE001 - whatever it is, the hub has to hear of it
            self._hub.tell(protocol.Failed(why=f"neonize cannot be used here: {error}"[:300]))
        else:
            self._account.run()
        self._leave(3)

    def _answer(self, account: Account, command: protocol.Command) -> None:
        match command:
            case protocol.Send() | protocol.Media():
                self._hub.tell(account.send(command))
            case protocol.Logout():
                self._hub.tell(account.logout(command))
            case protocol.Typing():
                account.typing(command)
            case protocol.Read():
                self._hub.tell(account.read(command))


def main(proxy: str | None = None) -> None:
    """Serve the socket whose number is the last argument."""
    worker = Worker(Hub(socket.socket(fileno=int(sys.argv[-1]))), proxy)
    signal.signal(signal.SIGTERM, worker.end)
    worker.run()


if __name__ == "__main__":
    main()
