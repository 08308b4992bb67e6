"""One account's connection to WhatsApp, by neonize (whatsmeow). Only a worker's process imports this module."""

from __future__ import annotations

import base64
import ctypes
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import neonize.client
from google.protobuf.message import Message  # type: ignore[import-untyped]
from neonize import events
from neonize._binder import ProxySettings, consume_bytes_struct, gocode
from neonize.client import NewClient
from neonize.proto.Neonize_pb2 import JID, LogEntry
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message as WhatsAppMessage
from neonize.utils.enum import ChatPresence, ChatPresenceMedia, MediaType, Presence, ReceiptType
from neonize.utils.jid import build_jid

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.arrivals import Arrivals
from infra.sockets.whatsapp.departures import Departures
from infra.sockets.whatsapp.event_reports import EventReporter, Tell, address
from infra.sockets.whatsapp.library_errors import outcome, reason
from infra.sockets.whatsapp.message_copies import MessageCopies
from infra.sockets.whatsapp.protobuf_json import from_json

_PHONE = "s.whatsapp.net"
_ONLINE_TRIES, _ONLINE_PAUSE = 30, 2.0
_UPLOADS = {
    "imageMessage": MediaType.MediaImage,
    "stickerMessage": MediaType.MediaImage,
    "videoMessage": MediaType.MediaVideo,
    "audioMessage": MediaType.MediaAudio,
    "documentMessage": MediaType.MediaDocument,
}

# As the library does for its other functions that return bytes; 0.5.2 leaves out this one, which fails without it.
gocode.DecryptPollVote.errcheck = consume_bytes_struct


class Account:
    """The library's client for one account. Its handlers do nothing but report: what they raise is lost."""

    def __init__(self, tell: Tell, start: protocol.Start, proxy: str | None) -> None:
        self._tell = tell
        self._is_online = start.online
        self._proxy = ProxySettings(proxy_address=proxy) if proxy else None
        device = _device_in(start.store)
        is_new = device is None
        # Writers wait for the hub, which copies the file now and then.
        store = f"{start.store}?_busy_timeout=5000&_foreign_keys=on&x="
        props = DeviceProps(os=start.name, platformType=DeviceProps.CHROME)
        self.client = NewClient(store, jid=device, props=props, uuid="account", new_device=is_new)
        own = address(device) if device is not None else ""
        copies = MessageCopies(Path(start.store).parent)
        self._arrivals = Arrivals(copies)
        self._departures = Departures(Path(start.store).parent)
        self._reporter = EventReporter(tell, copies, self._arrivals, self.client, start.phone, own)
        # In the place of the library's own log, which is written on another thread, later.
        neonize.client.log_whatsmeow = self._hear
        neonize.client.log.setLevel(logging.DEBUG)
        # The library only prints how a pairing ended.
        self.client._NewClient__onLoginStatus = lambda _uuid, status: self._reporter.pairing_ended(
            ctypes.string_at(status).decode()
        )
        self.client.event.qr(lambda _client, code: self._reporter.code(code.decode()))
        for form, report in self._reports().items():
            self._on(form, report)

    def run(self) -> None:
        """Until the connection is given up."""
        try:
            self.client.connect(self._proxy)
        except Exception as error:  # noqa: BLE001 - whatever it is, the hub has to hear of it
            self._tell(protocol.Failed(why=f"WhatsApp could not be reached: {error}"[:300]))

    def confirm(self, command: protocol.Taken) -> None:
        self._arrivals.settle(command.message_id)

    def stop(self) -> None:
        """Close the connection once what has come is settled, or after half a second."""
        self._arrivals.wait(0.5)
        self.client.stop()

    def send(self, command: protocol.Send | protocol.Media) -> protocol.Answer:
        try:
            message = from_json(command.message, WhatsAppMessage)
            if isinstance(command, protocol.Media):
                self._upload(message, base64.b64decode(command.content))
            to = _jid(command.to)
        except Exception as error:  # noqa: BLE001 - nothing was sent
            return protocol.Answer(number=command.number, outcome="unavailable", why=reason(error))
        try:
            sent = self.client.send_message(to, message)
        except Exception as error:  # noqa: BLE001 - the library has one error for all
            return protocol.Answer(number=command.number, outcome=outcome(error), why=reason(error))
        chat = address(sent.Chat) if sent.Chat.User else None
        return protocol.Answer(number=command.number, message_id=sent.ID, chat=chat)

    def logout(self, command: protocol.Logout) -> protocol.Answer:
        try:
            self.client.logout()
        except Exception as error:  # noqa: BLE001 - the hub decides what that means
            return protocol.Answer(number=command.number, outcome="unavailable", why=reason(error))
        return protocol.Answer(number=command.number)

    def typing(self, command: protocol.Typing) -> None:
        state = ChatPresence.CHAT_PRESENCE_COMPOSING if command.is_typing else ChatPresence.CHAT_PRESENCE_PAUSED
        with suppress(Exception):  # it is not worth another try
            self.client.send_chat_presence(_jid(command.to), state, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT)

    def read(self, command: protocol.Read) -> protocol.Answer:
        chat, sender = _jid(command.chat), _jid(command.sender)
        try:
            self.client.mark_read(*command.ids, chat=chat, sender=sender, receipt=ReceiptType.READ)
        except Exception as error:  # noqa: BLE001 - the library has one error for all
            return protocol.Answer(number=command.number, outcome="unavailable", why=reason(error))
        return protocol.Answer(number=command.number)

    def _upload(self, message: Message, content: bytes) -> None:
        """Encrypt and upload the file that the message describes, and write into it where it lies."""
        form = next(name for name in _UPLOADS if message.HasField(name))
        file, uploaded = getattr(message, form), self.client.upload(content, _UPLOADS[form])
        file.URL, file.directPath, file.mediaKey = uploaded.url, uploaded.DirectPath, uploaded.MediaKey
        file.fileSHA256, file.fileEncSHA256 = uploaded.FileSHA256, uploaded.FileEncSHA256
        file.fileLength = uploaded.FileLength

    def _hear(self, address: int, size: int) -> None:
        entry = LogEntry.FromString(ctypes.string_at(address, size))
        self._arrivals.hear(entry.Name, entry.Message)
        self._departures.hear(entry.Name, entry.Message)

    def _connected(self, event: Any) -> None:
        self._reporter.connected(event)
        if self._is_online:
            threading.Thread(target=self._show_online, daemon=True).start()

    def _show_online(self) -> None:
        """WhatsApp takes it with the account's name alone, which a new device learns after a while."""
        for _ in range(_ONLINE_TRIES):
            with suppress(Exception):  # the library has one error for all
                self.client.send_presence(Presence.AVAILABLE)
                return
            time.sleep(_ONLINE_PAUSE)

    def _on(self, form: type[Message], report: Callable[[Any], None]) -> None:
        @self.client.event(form)  # type: ignore[untyped-decorator]
        def handle(_client: NewClient, event: Any) -> None:
            report(event)

    def _reports(self) -> dict[type[Message], Callable[[Any], None]]:
        reporter = self._reporter
        return {
            events.PairStatusEv: reporter.paired,
            events.ConnectedEv: self._connected,
            events.DisconnectedEv: reporter.disconnected,
            events.StreamReplacedEv: reporter.replaced,
            events.LoggedOutEv: reporter.logged_out,
            events.TemporaryBanEv: reporter.banned,
            events.ConnectFailureEv: reporter.refused,
            events.ClientOutdatedEv: reporter.outdated,
            events.MessageEv: reporter.message,
            events.UndecryptableMessageEv: reporter.undecryptable,
            events.ReceiptEv: reporter.receipt,
            events.ChatPresenceEv: reporter.chat_presence,
            events.CallOfferEv: reporter.call,
            events.HistorySyncEv: reporter.history,
        }


def _jid(address: str) -> JID:
    user, _, server = address.partition("@")
    return build_jid(user, server or _PHONE)


def _device_in(store: str) -> JID | None:
    """The device that was paired into the store. The library would end the process for one that is not in it."""
    with suppress(sqlite3.Error), sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        row = database.execute("SELECT jid FROM whatsmeow_device").fetchone()
        if row is not None:
            user, _, server = str(row[0]).partition("@")
            name, _, device = user.partition(":")
            return JID(
                User=name.partition(".")[0],
                Device=int(device or 0),
                Server=server,
                RawAgent=0,
                Integrator=0,
                IsEmpty=False,
            )
    return None
