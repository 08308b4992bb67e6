"""Messages that have come and that the hub has not published yet. Until it has, WhatsApp hears nothing of them.

whatsmeow confirms a message as soon as it has queued it for its program, and WhatsApp never sends it again; neonize
leaves out the setting that would change that (`SynchronousAck`). But the library logs each node when it has come and
before it is sent, and goes on when the log has returned: a confirmation waits in the log.

A message that cannot be decrypted is asked for again, and confirmed at the same time on another thread. The
confirmation waits for that as well: WhatsApp never sends again what was confirmed and not asked for, as happens where
the process ends between the two.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from threading import Event, Lock

from infra.sockets.whatsapp.message_copies import LONGEST_WAIT, MessageCopies, in_log

_LOOK_SECONDS = 0.02
_HEAD_START = 0.005
"""Seconds in which a thread goes from the log to the connection. The message may come again within a few more."""

_RECEIVED, _SENDING = "Client/Recv", "Client/Send"
_MESSAGE = re.compile(r'<message [^>]*?\bid="([^"]*)"')
_CONFIRMATION = re.compile(r'<(?:receipt|ack) [^>]*?\bid="([^"]*)"')
_REPETITION = re.compile(r'<receipt (?=[^>]*?\btype="retry")[^>]*?\bid="([^"]*)"')
"""The message could not be decrypted, and is to come again."""

_IGNORED = re.compile(r"Ignoring message (\S+) from ")
"""A message that was decrypted before."""


@dataclass(slots=True)
class _Arrival:
    is_handed_over: bool = False
    is_asked_for_again: bool = False
    is_settled: Event = field(default_factory=Event)


class Arrivals:
    """What has come to one account. Messages are known by their ids at WhatsApp."""

    def __init__(self, copies: MessageCopies, longest_wait: float = LONGEST_WAIT) -> None:
        self._copies = copies
        self._longest_wait = longest_wait
        self._unsettled: dict[str, _Arrival] = {}
        self._lock = Lock()

    def hear(self, logger: str, line: str) -> None:
        """A line of the library's log, on the thread that is about to do what it says."""
        if logger == _RECEIVED:
            if message := _MESSAGE.match(line):
                self._expect(message[1])
        elif logger == _SENDING:
            if repetition := _REPETITION.match(line):
                self._let_repeat(repetition[1])
            elif confirmation := _CONFIRMATION.match(line):
                self._wait_for(confirmation[1])
        elif ignored := _IGNORED.match(line):
            self._ignore(ignored[1])

    def hand_over(self, message_id: str, *, is_copied: bool) -> None:
        """The hub is about to get the message, and says when WhatsApp may hear of it (`settle`)."""
        message_id = in_log(message_id)
        with self._lock:
            if (arrival := self._unsettled.get(message_id)) is not None:
                arrival.is_handed_over = True
        if is_copied:
            # From now on the copy stands for it.
            self._copies.settle(message_id)

    def cannot_be_decrypted(self, message_id: str) -> None:
        """None of the account's keys were used up: they may be saved. WhatsApp may hear of it once it is asked for."""
        self._copies.settle(message_id)

    def settle(self, message_id: str) -> None:
        """The message is published, or nothing is to be kept of it: WhatsApp may hear of it."""
        message_id = in_log(message_id)
        with self._lock:
            arrival = self._unsettled.pop(message_id, None)
        self._copies.settle(message_id)
        if arrival is not None:
            arrival.is_settled.set()

    def wait(self, seconds: float) -> None:
        """Wait until everything that has come is settled, as far as that takes no longer."""
        end = time.monotonic() + seconds
        while self._unsettled and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)

    def _expect(self, message_id: str) -> None:
        with self._lock:
            self._unsettled.setdefault(message_id, _Arrival())
        self._copies.expect(message_id)

    def _let_repeat(self, message_id: str) -> None:
        with self._lock:
            if (arrival := self._unsettled.get(message_id)) is not None:
                arrival.is_asked_for_again = True
        self.settle(message_id)

    def _ignore(self, message_id: str) -> None:
        """It came a second time: what the hub has of the first time may not be published yet."""
        with self._lock:
            arrival = self._unsettled.get(message_id)
        if arrival is not None and arrival.is_handed_over:
            self._copies.settle(message_id)
        else:
            self.settle(message_id)

    def _wait_for(self, message_id: str) -> None:
        """Without a limit once the hub has the message: nobody else may be told meanwhile that it was received."""
        with self._lock:
            arrival = self._unsettled.get(message_id)
        if arrival is None:
            return
        if not arrival.is_settled.wait(self._longest_wait):
            if arrival.is_handed_over:
                arrival.is_settled.wait()
            else:
                self.settle(message_id)
        if arrival.is_asked_for_again:
            time.sleep(_HEAD_START)
