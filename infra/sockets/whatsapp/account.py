"""One account's connection to WhatsApp, by neonize (whatsmeow). Only a worker's process imports this module."""

from __future__ import annotations

import base64
import ctypes
import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import neonize.client
from google.protobuf.message import Message  # type: ignore[import-untyped]
from neonize import events
from neonize._binder import ProxySettings, consume_bytes_struct, gocode
from neonize.client import NewClient
from neonize.proto.Neonize_pb2 import JID, LogEntry
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message as WhatsAppMessage
from neonize.utils.enum import ChatPresence, ChatPresenceMedia, MediaType, ReceiptType
from neonize.utils.jid import build_jid

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.arrivals import Arrivals
from infra.sockets.whatsapp.message_copies import MessageCopies
from infra.sockets.whatsapp.protobuf_json import from_json, to_json

_PHONE, _LID = "s.whatsapp.net", "lid"
_FIRST_QR_SECONDS, _NEXT_QR_SECONDS = 60, 20
_UPLOADS = {
    "imageMessage": MediaType.MediaImage,
    "stickerMessage": MediaType.MediaImage,
    "videoMessage": MediaType.MediaVideo,
    "audioMessage": MediaType.MediaAudio,
    "documentMessage": MediaType.MediaDocument,
}
_STATUSES = {1: "DELIVERY_ACK", 4: "READ", 6: "PLAYED"}
"""Receipts of the customer's devices, by WhatsApp's number; the others are about our own devices."""

_HISTORY_MOST_MESSAGES = 5_000

_NOT_SENT = ("websocket not connected", "not logged in", "failed to get device list", "failed to encrypt")
_REFUSED = ("server returned error", "no lid found", "unknown server", "recipient must")
"""In whatsmeow's errors of `SendMessage`."""


# As the library does for its other functions that return bytes; 0.5.2 leaves out this one, which fails without it.
gocode.DecryptPollVote.errcheck = consume_bytes_struct

Tell = Callable[[protocol.Report], None]


class Account:
    """The library's client for one account. Its handlers do nothing but report: what they raise is lost."""

    def __init__(self, tell: Tell, start: protocol.Start, proxy: str | None) -> None:
        self._tell = tell
        self._start = start
        self._copies = MessageCopies(Path(start.store).parent)
        self._arrivals = Arrivals(self._copies)
        # In the place of the library's own log, which is written on another thread, later.
        neonize.client.log_whatsmeow = self._hear
        neonize.client.log.setLevel(logging.DEBUG)
        self._proxy = ProxySettings(proxy_address=proxy) if proxy else None
        self._codes = 0
        self._own = ""
        self._lid = ""
        device = _device_in(start.store)
        self._is_new = device is None
        # Writers wait for the hub, which copies the file now and then.
        store = f"{start.store}?_busy_timeout=5000&_foreign_keys=on&x="
        props = DeviceProps(os=start.name, platformType=DeviceProps.CHROME)
        self.client = NewClient(store, jid=device, props=props, uuid="account", new_device=self._is_new)
        if device is not None:
            self._own = _address(device)
        # The library only prints how a pairing ended.
        self.client._NewClient__onLoginStatus = lambda _uuid, status: self._pairing_ended(
            ctypes.string_at(status).decode()
        )
        self.client.event.qr(lambda _client, code: self._code(code.decode()))
        for form, report in self._reports().items():
            self._on(form, report)

    def run(self) -> None:
        """Until the connection is given up."""
        try:
            self.client.connect(self._proxy)
        except Exception as error:  # noqa: BLE001 - whatever it is, the hub has to hear of it
            self._tell(protocol.Failed(why=f"WhatsApp could not be reached: {error}"[:300]))

    def close(self) -> None:
        """Close the connection once what has come is written down, or after half a second."""
        self._arrivals.wait(0.5)
        self.client.stop()

    def send(self, command: protocol.Send | protocol.Media) -> protocol.Answer:
        try:
            message = from_json(command.message, WhatsAppMessage)
            if isinstance(command, protocol.Media):
                self._upload(message, base64.b64decode(command.content))
            to = _jid(command.to)
        except Exception as error:  # noqa: BLE001 - nothing was sent
            return protocol.Answer(number=command.number, outcome="unavailable", why=_reason(error))
        try:
            sent = self.client.send_message(to, message)
        except Exception as error:  # noqa: BLE001 - the library has one error for all
            return protocol.Answer(number=command.number, outcome=_outcome(error), why=_reason(error))
        chat = _address(sent.Chat) if sent.Chat.User else None
        return protocol.Answer(number=command.number, message_id=sent.ID, chat=chat)

    def logout(self, command: protocol.Logout) -> protocol.Answer:
        try:
            self.client.logout()
        except Exception as error:  # noqa: BLE001 - the hub decides what that means
            return protocol.Answer(number=command.number, outcome="unavailable", why=_reason(error))
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
            return protocol.Answer(number=command.number, outcome="unavailable", why=_reason(error))
        return protocol.Answer(number=command.number)

    def _upload(self, message: Message, content: bytes) -> None:
        """Encrypt and upload the file that the message describes, and write into it where it lies."""
        form = next(name for name in _UPLOADS if message.HasField(name))
        file, uploaded = getattr(message, form), self.client.upload(content, _UPLOADS[form])
        file.URL, file.directPath, file.mediaKey = uploaded.url, uploaded.DirectPath, uploaded.MediaKey
        file.fileSHA256, file.fileEncSHA256 = uploaded.FileSHA256, uploaded.FileEncSHA256
        file.fileLength = uploaded.FileLength

    def _on(self, form: type[Message], report: Callable[[Any], None]) -> None:
        @self.client.event(form)  # type: ignore[untyped-decorator]
        def handle(_client: NewClient, event: Any) -> None:
            report(event)

    def _reports(self) -> dict[type[Message], Callable[[Any], None]]:
        return {
            events.PairStatusEv: self._paired,
            events.ConnectedEv: self._connected,
            events.DisconnectedEv: lambda _: self._tell(protocol.Disconnected()),
            events.StreamReplacedEv: lambda _: self._tell(protocol.Replaced()),
            events.LoggedOutEv: lambda _: self._tell(
                protocol.LoggedOut(why="unlinked on the phone: pair the account again")
            ),
            events.TemporaryBanEv: lambda event: self._tell(
                protocol.Banned(why="WhatsApp has banned the account for some time", seconds=int(event.Expire))
            ),
            events.ConnectFailureEv: lambda event: self._tell(
                protocol.Failed(why=f"WhatsApp refuses the connection: {event.Message or int(event.Reason)}"[:300])
            ),
            events.ClientOutdatedEv: lambda _: self._tell(
                protocol.Failed(why="WhatsApp wants a newer version of neonize: update the hub")
            ),
            events.MessageEv: self._message,
            events.UndecryptableMessageEv: lambda event: self._arrivals.settle(event.Info.ID),
            events.ReceiptEv: self._receipt,
            events.CallOfferEv: self._call,
            events.HistorySyncEv: self._history,
        }

    def _code(self, code: str) -> None:
        self._codes += 1
        seconds = _FIRST_QR_SECONDS if self._codes == 1 else _NEXT_QR_SECONDS
        self._tell(protocol.Qr(code=code, seconds=seconds))
        if self._start.phone and self._codes == 1:
            # On a thread of its own: the library wants its handlers back.
            threading.Thread(target=self._ask_for_pairing_code, args=(code, seconds), daemon=True).start()

    def _ask_for_pairing_code(self, code: str, seconds: int) -> None:
        with suppress(Exception):  # there is the code to scan as well
            pairing_code = self.client.PairPhone(self._start.phone, True)
            self._tell(protocol.Qr(code=code, seconds=seconds, pairing_code=pairing_code))

    def _pairing_ended(self, status: str) -> None:
        if status == "success":
            return
        why = "nobody scanned the code in time" if status == "timeout" else f"WhatsApp refused the pairing ({status})"
        self._tell(protocol.PairingEnded(why=f"{why}: connect the channel again"))

    def _paired(self, event: Any) -> None:
        if event.Error:
            self._tell(protocol.PairingEnded(why=f"WhatsApp refused the pairing: {event.Error}"[:300]))
            return
        self._own = _address(event.ID)
        self._tell(protocol.Paired(account=self._own))

    def _connected(self, _event: Any) -> None:
        me = self.client.get_me()
        self._own, self._lid = _address(me.JID) or self._own, _address(me.LID)
        self._tell(protocol.Connected(account=self._own, name=me.PushName or None))

    def _hear(self, address: int, size: int) -> None:
        entry = LogEntry.FromString(ctypes.string_at(address, size))
        self._arrivals.hear(entry.Name, entry.Message)

    def _message(self, event: Any) -> None:
        info, source = event.Info, event.Info.MessageSource
        data = {
            "key": self._key(info.ID, source),
            "messageTimestamp": info.Timestamp // 1000,
            "pushName": info.Pushname,
            "message": to_json(event.Message),
        }
        if event.Message.HasField("pollUpdateMessage"):
            data |= self._vote(event)
        report = self._with_copy(data)
        self._arrivals.settle(info.ID)
        self._tell(report)

    def _vote(self, event: Any) -> dict[str, Any]:
        """What a vote says; nothing for one in a poll whose secret the account does not have."""
        with suppress(Exception):
            return {"vote": to_json(self.client.decrypt_poll_vote(event))}
        return {}

    def _with_copy(self, data: dict[str, Any]) -> protocol.Message:
        report = protocol.Message(data=data)
        return replace(report, copy=self._copies.keep(protocol.line(report)))

    def _key(self, identifier: str, source: Any) -> dict[str, Any]:
        """A message's key as web clients write it: a person may have a phone's address and a hidden one."""
        key: dict[str, Any] = {"id": identifier, "remoteJid": _address(source.Chat), "fromMe": source.IsFromMe}
        if source.IsGroup:
            other = _address(source.SenderAlt) or self._phone_of(source.Sender)
            return key | {"participant": _address(source.Sender), "participantAlt": other}
        other = _address(source.RecipientAlt if source.IsFromMe else source.SenderAlt)
        return key | {"remoteJidAlt": other or self._phone_of(source.Chat)}

    def _phone_of(self, jid: JID) -> str:
        """The phone's address of a hidden id, where the account has learned it; nothing for any other address."""
        if jid.Server != _LID:
            return ""
        with suppress(Exception):  # without it the person is known by the hidden id alone
            return _address(self.client.get_pn_from_lid(jid))
        return ""

    def _receipt(self, event: Any) -> None:
        status = _STATUSES.get(event.Type)
        if status is not None and not event.MessageSource.IsFromMe:
            chat = _address(event.MessageSource.Chat)
            self._tell(protocol.Receipt(chat=chat, ids=list(event.MessageIDs), status=status))  # type: ignore[arg-type]

    def _call(self, event: Any) -> None:
        call = event.basicCallMeta
        caller, other = _address(getattr(call, "from")), _address(call.callCreatorAlt)
        key = {"id": call.callID, "remoteJid": caller, "remoteJidAlt": other, "fromMe": False}
        self._tell(self._with_copy({"key": key, "messageTimestamp": call.timestamp // 1000, "message": {"call": {}}}))

    def _history(self, event: Any) -> None:
        """What the phone hands over of the time before the pairing; a chat's messages come newest first."""
        left = _HISTORY_MOST_MESSAGES
        for conversation in event.Data.conversations:
            for each in reversed(conversation.messages[:left]):
                data = to_json(each.message)
                key = data.get("key", {})
                key["remoteJid"] = key.get("remoteJid") or conversation.ID
                key["remoteJidAlt"] = conversation.pnJID or conversation.lidJID
                if "message" in data:
                    self._tell(protocol.Message(data=data, history=True))
            left = max(0, left - len(conversation.messages))


def _address(jid: Any) -> str:
    return f"{jid.User}@{jid.Server}" if jid.User else ""


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


def _outcome(error: Exception) -> Literal["refused", "unavailable", "unknown"]:
    """What the library's words mean; with any others, as after its time-out, the message may have arrived."""
    text = str(error).lower()
    if any(sign in text for sign in _NOT_SENT):
        return "unavailable"
    return "refused" if any(sign in text for sign in _REFUSED) else "unknown"


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
