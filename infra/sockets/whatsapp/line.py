"""The connection of one account, which a worker has: sending over it, and passing on what it brings."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.process import Worker, WorkerProcess
from infra.sockets.whatsapp.session_files import SessionFiles
from shared.channel.connection import Listener, Position, SessionEnded
from shared.channels.whatsapp_web.gateway import PROVIDER, Posted, Session
from shared.errors import LONGEST_PAUSE, OutcomeUnknown, ProviderRejected, ProviderUnavailable

logger = logging.getLogger(__name__)

DEVICE_NAME = "Omnichannel Hub"
OPENING_SECONDS = 45.0
ANSWER_SECONDS = 90.0
"""The library itself waits 75 seconds for WhatsApp's word."""

LEAVING_SECONDS = 15.0
PASSING_SECONDS = 2.0
OFFLINE_SECONDS = 60.0
"""How long a worker may try to get a broken connection back, before it is begun anew."""

BANNED_SECONDS = 3600.0
"""How long a banned account rests where WhatsApp does not say for how long."""

_LONGEST_PAUSE = 30.0
_MOST_WAITING = 20_000
"""Reports that wait to be published; a history has 5,000 messages. What is not confirmed comes again."""

_CLOSED = "the connection has just ended"

Job = Callable[[], object]


class WorkerLine:
    """Reports are taken on the worker's thread, which must never wait; what they mean happens on a second one.

    For `rest_seconds` after its end nobody is to connect the account.
    """

    def __init__(self, worker: Worker, files: SessionFiles, session: Session, listener: Listener) -> None:
        self._files = files
        self._listener = listener
        self._own: str | None = None
        self._is_paired = False
        self._is_open = False
        self._offline_since: float | None = None
        self._outcome: str | None = None
        self._is_over = False
        self._numbers = count(1)
        self._answers: dict[int, Future[protocol.Answer]] = {}
        self._opened: Future[None] = Future()
        self.rest_seconds = 0.0
        self._looking = threading.Lock()
        self._gone = threading.Event()
        self._closing = threading.Event()
        self._began_at = time.monotonic()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._passing = threading.Thread(target=self._pass_on, name="whatsapp-line", daemon=True)
        self._passing.start()
        self._process = WorkerProcess(worker, files.directory, self._report, self._exited)
        files.departures.begin(session.epoch, self._process.pid)
        start = protocol.Start(store=str(files.store), name=DEVICE_NAME, phone=session.phone, online=session.is_online)
        self._process.tell(start)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_closed(self) -> bool:
        return self._closing.is_set()

    @property
    def own(self) -> str | None:
        return self._own

    def wait_until_open(self, seconds: float = OPENING_SECONDS) -> None:
        """Wait for the connection of an account that is paired; raises `SessionEnded` or `ProviderUnavailable`."""
        self._is_paired = True
        try:
            self._opened.result(seconds)
        except FutureTimeout:
            raise ProviderUnavailable(PROVIDER, "WhatsApp could not be reached in time") from None

    def send(self, to: str, message: Mapping[str, Any], content: bytes | None = None) -> Posted:
        self._check_open()
        number = next(self._numbers)
        if content is None:
            command: protocol.Command = protocol.Send(number=number, to=to, message=message)
        else:
            encoded = base64.b64encode(content).decode()
            command = protocol.Media(number=number, to=to, message=message, content=encoded)
        answer = self._ask(number, command, ANSWER_SECONDS)
        if answer.outcome == "done" and answer.message_id:
            return Posted(message_id=answer.message_id, chat=answer.chat)
        if answer.outcome == "refused":
            raise ProviderRejected(PROVIDER, answer.why or "WhatsApp refused the message")
        if answer.outcome == "unavailable":
            raise ProviderUnavailable(PROVIDER, answer.why or "nothing was sent", 5.0)
        raise OutcomeUnknown(PROVIDER, answer.why or "WhatsApp did not say whether it took the message")

    def may_have_sent(self, part_id: str, claimed_at: datetime) -> bool:
        return self._files.may_have_sent(part_id, claimed_at)

    def show_typing(self, to: str) -> None:
        self._check_open()
        self._process.tell(protocol.Typing(to=to, is_typing=True))

    def mark_read(self, chat: str, sender: str, ids: Sequence[str]) -> None:
        self._check_open()
        number = next(self._numbers)
        command = protocol.Read(number=number, chat=chat, sender=sender, ids=ids)
        self._have_done(number, command, ANSWER_SECONDS)

    def leave(self) -> None:
        number = next(self._numbers)
        self._have_done(number, protocol.Logout(number=number), LEAVING_SECONDS)
        self._files.destroy()

    def position(self) -> Position | None:
        """WhatsApp keeps what comes while nobody is connected."""
        return None

    def close(self) -> None:
        self._closing.set()
        self._is_open = False
        self._process.close()
        self._gone.wait(1.0)
        self._jobs.put(None)
        # What came is published before anybody goes on, as far as the store takes it.
        self._passing.join(PASSING_SECONDS)
        if self._is_paired:
            self._files.save()
        self._files.close()

    def look(self) -> None:
        """Called twice a second: end a worker with which something is wrong, and save what has changed."""
        if self._closing.is_set() or self._gone.is_set() or not self._looking.acquire(blocking=False):
            return
        try:
            self._look()
        finally:
            self._looking.release()

    def _look(self) -> None:
        why = self._process.why_to_end()
        if why is None and self._offline_since is not None and time.monotonic() - self._offline_since > OFFLINE_SECONDS:
            why = "the connection to WhatsApp did not come back"
        if why is None and self._jobs.qsize() > _MOST_WAITING:
            why = "more has come than can be published"
        if why is not None:
            self._end(why)
            self._process.kill()
        elif self._is_paired:
            self._files.save_if_changed()

    def ping(self) -> None:
        if not self._closing.is_set() and not self._gone.is_set():
            try:
                self._process.tell(protocol.Ping())
            except ProviderUnavailable:
                logger.info("a worker has ended, as its thread will find")

    def _check_open(self) -> None:
        if not self._is_open:
            raise ProviderUnavailable(PROVIDER, "the account is not connected at the moment", 5.0)

    def _have_done(self, number: int, command: protocol.Command, seconds: float) -> None:
        """Have the worker do what may be done twice; raises `ProviderUnavailable` unless it says that it has."""
        try:
            answer = self._ask(number, command, seconds)
        except OutcomeUnknown as error:
            raise ProviderUnavailable(PROVIDER, error.reason) from None
        if answer.outcome != "done":
            raise ProviderUnavailable(PROVIDER, answer.why or "WhatsApp did not take it")

    def _ask(self, number: int, command: protocol.Command, seconds: float) -> protocol.Answer:
        answered: Future[protocol.Answer] = Future()
        self._answers[number] = answered
        try:
            if self._gone.is_set():
                raise ProviderUnavailable(PROVIDER, _CLOSED)
            self._process.tell(command)
            return answered.result(seconds)
        except FutureTimeout:
            raise OutcomeUnknown(PROVIDER, "WhatsApp did not answer in time") from None
        finally:
            self._answers.pop(number, None)

    def _end(self, why: str, *, is_over: bool = False) -> None:
        """Note why the connection is about to end; the first reason counts."""
        if self._outcome is None:
            self._outcome, self._is_over = why, is_over
        self._is_open = False

    def _exited(self) -> None:
        """On the worker's thread, after everything it has said."""
        self._gone.set()
        self._is_open = False
        for answered in list(self._answers.values()):
            if not answered.done():
                answered.set_exception(OutcomeUnknown(PROVIDER, "the connection ended before WhatsApp answered"))
        why = self._outcome or "the worker ended"
        if not self._opened.done():
            error = SessionEnded if self._is_over else ProviderUnavailable
            self._opened.set_exception(error(PROVIDER, why))
            if self._is_paired:
                return  # who waits for it will be told
        if not self._closing.is_set():
            self._jobs.put(partial(self._listener.on_end, self._is_over, why))

    def _report(self, report: protocol.Report) -> None:
        match report:
            case protocol.Answer():
                answered = self._answers.get(report.number)
                if answered is not None and not answered.done():
                    answered.set_result(report)
            case protocol.Qr():
                data = {"code": report.code, "seconds": report.seconds, "pairing_code": report.pairing_code}
                self._bring("qr", data)
            case protocol.Paired():
                self._own = report.account
            case protocol.Connected():
                self._connected(report)
            case protocol.Disconnected():
                # It may come several times while the worker tries to get the connection back.
                self._is_open, self._offline_since = False, self._offline_since or time.monotonic()
            case protocol.Message():
                self._jobs.put(partial(self._publish_and_confirm, report))
            case protocol.Receipt():
                self._jobs.put(partial(self._hand_over_receipt, report))
            case protocol.Composing():
                key = {"remoteJid": report.chat, "remoteJidAlt": report.other, "fromMe": False}
                # Once: soon it is worth nothing.
                update = {"event": "typing", "sender": self._own, "data": {"key": key}}
                self._jobs.put(partial(self._listener.on_update, update))
            case _:
                self._ended(report)

    def _ended(self, report: protocol.Report) -> None:
        match report:
            case protocol.Replaced():
                self._end("another process uses the account's keys")
            case protocol.LoggedOut() | protocol.PairingEnded():
                self._files.destroy()
                self._end(report.why, is_over=True)
            case protocol.Banned():
                self.rest_seconds = min(report.seconds or BANNED_SECONDS, LONGEST_PAUSE)
                self._bring("banned", {"why": report.why})
                self._end(report.why)
            case protocol.Failed():
                self._end(report.why)
            case _:
                return
        self._jobs.put(self._process.kill)

    def _connected(self, report: protocol.Connected) -> None:
        self._own, self._offline_since, self._is_open = report.account, None, True
        if not self._is_paired:
            self._is_paired = True
            # Before anybody sees that it is connected, and may log it out again.
            self._jobs.put(self._files.save_pairing)
            self._jobs.put(self._listener.on_paired)
        self._bring("connected", {"name": report.name})
        unpublished = self._files.unpublished()
        if unpublished:
            logger.info("messages that a killed process left are published: %s", len(unpublished))
        for path in unpublished:
            self._jobs.put(partial(self._publish_copy, path))
        if not self._opened.done():
            self._opened.set_result(None)

    def _bring(self, event: str, data: Mapping[str, Any]) -> None:
        update = {"event": event, "sender": self._own, "data": data}
        self._jobs.put(partial(self._hand_over, update))

    def _publish(self, message: protocol.Message) -> bool:
        event = "history" if message.history else "message"
        return self._hand_over({"event": event, "sender": self._own, "data": message.data})

    def _publish_and_confirm(self, message: protocol.Message) -> None:
        if not self._publish(message):
            return
        if message.copy:
            self._files.copies.forget(message.copy)
        if not message.history:
            self._confirm(message)

    def _confirm(self, message: protocol.Message) -> None:
        key = message.data.get("key")
        message_id = key.get("id") if isinstance(key, Mapping) else None
        if isinstance(message_id, str):
            with suppress(ProviderUnavailable):  # a worker that has ended confirms nothing: the message comes again
                self._process.tell(protocol.Taken(message_id=message_id))

    def _publish_copy(self, path: Path) -> None:
        """Publish what a former line left; what cannot be read was being written when the worker was killed."""
        try:
            message = protocol.report(path.read_bytes())
        except (OSError, ValueError):
            message = None
        if not isinstance(message, protocol.Message) or self._publish(message):
            path.unlink(missing_ok=True)

    def _hand_over_receipt(self, report: protocol.Receipt) -> None:
        """With our own id of each message, by which one is settled whose id at WhatsApp nobody has heard."""
        part_ids = self._files.part_ids(report.ids)
        for identifier in report.ids:
            key = {"id": identifier, "remoteJid": report.chat}
            data = {"key": key, "status": report.status, "part_id": part_ids.get(identifier)}
            self._hand_over({"event": "receipt", "sender": self._own, "data": data})

    def _hand_over(self, update: Mapping[str, Any]) -> bool:
        """Again and again until it is taken: nobody else brings it here. False when the line ends first."""
        pause = 0.5
        while True:
            try:
                self._listener.on_update(update)
                return True
            except Exception:
                logger.exception("an update of WhatsApp's could not be stored, it is tried again")
                if self._closing.wait(pause):
                    return False
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _pass_on(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                logger.exception("a WhatsApp connection's report could not be taken")
