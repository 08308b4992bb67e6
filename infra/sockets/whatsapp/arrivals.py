"""Messages that have come and are not written down yet. Until they are, WhatsApp hears nothing of them.

whatsmeow confirms a message as soon as it has queued it for its program, and WhatsApp never sends it again; neonize
leaves out the setting that would change that (`SynchronousAck`). But the library logs each node when it has come and
before it is sent, and goes on when the log has returned: a confirmation waits in the log.
"""

from __future__ import annotations

import re
import time
from threading import Event, Lock

from infra.sockets.whatsapp.message_copies import LONGEST_WAIT, MessageCopies

_LOOK_SECONDS = 0.02
_RECEIVED, _SENDING = "Client/Recv", "Client/Send"
_MESSAGE = re.compile(r'<message [^>]*?\bid="([^"]*)"')
_CONFIRMATION = re.compile(r'<(?:receipt|ack) [^>]*?\bid="([^"]*)"')
_IGNORED = re.compile(r"Ignoring message (\S+) from ")
"""A message that was decrypted before."""


class Arrivals:
    """What has come to one account. Messages are known by their ids at WhatsApp."""

    def __init__(self, copies: MessageCopies, longest_wait: float = LONGEST_WAIT) -> None:
        self._copies = copies
        self._longest_wait = longest_wait
        self._unwritten: dict[str, Event] = {}
        self._lock = Lock()

    def hear(self, logger: str, line: str) -> None:
        """A line of the library's log, on the thread that is about to do what it says."""
        if logger == _RECEIVED:
            if message := _MESSAGE.match(line):
                self._expect(message[1])
        elif logger == _SENDING:
            if confirmation := _CONFIRMATION.match(line):
                self._wait_for(confirmation[1])
        elif ignored := _IGNORED.match(line):
            self.settle(ignored[1])

    def settle(self, message_id: str) -> None:
        """The message is written down, or will not be: WhatsApp may hear of it."""
        # Senders choose the ids, and the log escapes nothing: there an id ends at its first quotation mark.
        message_id = message_id.partition('"')[0]
        with self._lock:
            is_written = self._unwritten.pop(message_id, None)
        self._copies.settle(message_id)
        if is_written is not None:
            is_written.set()

    def wait(self, seconds: float) -> None:
        """Wait until everything that has come is written down, as far as that takes no longer."""
        end = time.monotonic() + seconds
        while self._unwritten and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)

    def _expect(self, message_id: str) -> None:
        with self._lock:
            self._unwritten.setdefault(message_id, Event())
        self._copies.expect(message_id)

    def _wait_for(self, message_id: str) -> None:
        with self._lock:
            is_written = self._unwritten.get(message_id)
        if is_written is not None and not is_written.wait(self._longest_wait):
            self.settle(message_id)
