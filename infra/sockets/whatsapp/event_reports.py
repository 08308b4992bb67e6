"""What the events of neonize mean, as a worker reports them. Nothing here imports the library."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.arrivals import Arrivals
from infra.sockets.whatsapp.message_copies import MessageCopies
from infra.sockets.whatsapp.protobuf_json import to_json

_LID = "lid"
_FIRST_QR_SECONDS, _NEXT_QR_SECONDS = 60, 20
_STATUSES = {1: "DELIVERY_ACK", 4: "READ", 6: "PLAYED"}
"""Receipts of the customer's devices, by WhatsApp's number; the others are about our own devices."""

_COMPOSING = 1
"""WhatsApp's number for somebody who writes or records, in the events of chats."""

_HISTORY_MOST_MESSAGES = 5_000

Tell: TypeAlias = Callable[[protocol.Report], None]


class Client(Protocol):
    """What events need of the library's client."""

    def get_me(self) -> Any: ...
    def get_pn_from_lid(self, lid: Any, /) -> Any: ...
    def decrypt_poll_vote(self, message: Any, /) -> Any: ...
    def PairPhone(self, phone: str, show_push_notification: bool, /) -> str: ...


class EventReporter:
    """Tells the hub of the events of one account; with `phone` a code to type in is asked for as well.

    `own` is the account's address, where it is paired already.
    """

    def __init__(
        self, tell: Tell, copies: MessageCopies, arrivals: Arrivals, client: Client, phone: str | None, own: str
    ) -> None:
        self._tell = tell
        self._copies = copies
        self._arrivals = arrivals
        self._client = client
        self._phone = phone
        self._codes = 0
        self._own = own

    def code(self, code: str) -> None:
        self._codes += 1
        seconds = _FIRST_QR_SECONDS if self._codes == 1 else _NEXT_QR_SECONDS
        self._tell(protocol.Qr(code=code, seconds=seconds))
        if self._phone and self._codes == 1:
            # On a thread of its own: the library wants its handlers back.
            threading.Thread(target=self._ask_for_pairing_code, args=(self._phone, code, seconds), daemon=True).start()

    def _ask_for_pairing_code(self, phone: str, code: str, seconds: int) -> None:
        with suppress(Exception):  # there is the code to scan as well
            pairing_code = self._client.PairPhone(phone, True)
            self._tell(protocol.Qr(code=code, seconds=seconds, pairing_code=pairing_code))

    def pairing_ended(self, status: str) -> None:
        if status == "success":
            return
        why = "nobody scanned the code in time" if status == "timeout" else f"WhatsApp refused the pairing ({status})"
        self._tell(protocol.PairingEnded(why=f"{why}: connect the channel again"))

    def paired(self, event: Any) -> None:
        if event.Error:
            self._tell(protocol.PairingEnded(why=f"WhatsApp refused the pairing: {event.Error}"[:300]))
            return
        self._own = address(event.ID)
        self._tell(protocol.Paired(account=self._own))

    def connected(self, _event: Any) -> None:
        me = self._client.get_me()
        self._own = address(me.JID) or self._own
        self._tell(protocol.Connected(account=self._own, name=me.PushName or None))

    def disconnected(self, _event: Any) -> None:
        self._tell(protocol.Disconnected())

    def replaced(self, _event: Any) -> None:
        self._tell(protocol.Replaced())

    def logged_out(self, _event: Any) -> None:
        self._tell(protocol.LoggedOut(why="unlinked on the phone: pair the account again"))

    def banned(self, event: Any) -> None:
        self._tell(protocol.Banned(why="WhatsApp has banned the account for some time", seconds=int(event.Expire)))

    def refused(self, event: Any) -> None:
        self._tell(protocol.Failed(why=f"WhatsApp refuses the connection: {event.Message or int(event.Reason)}"[:300]))

    def outdated(self, _event: Any) -> None:
        self._tell(protocol.Failed(why="WhatsApp wants a newer version of neonize: update the hub"))

    def message(self, event: Any) -> None:
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
        self._arrivals.hand_over(info.ID, is_copied=report.copy is not None)
        self._tell(report)

    def undecryptable(self, event: Any) -> None:
        self._arrivals.cannot_be_decrypted(event.Info.ID)

    def _vote(self, event: Any) -> dict[str, Any]:
        """What a vote says; nothing for one in a poll whose secret the account does not have."""
        with suppress(Exception):
            return {"vote": to_json(self._client.decrypt_poll_vote(event))}
        return {}

    def _with_copy(self, data: dict[str, Any]) -> protocol.Message:
        report = protocol.Message(data=data)
        with suppress(OSError):  # the disk may be full: without a copy WhatsApp has to tell it again after a kill
            return replace(report, copy=self._copies.keep(data["key"]["id"], protocol.line(report)))
        return report

    def _key(self, identifier: str, source: Any) -> dict[str, Any]:
        """A message's key as web clients write it: a person may have a phone's address and a hidden one."""
        key: dict[str, Any] = {"id": identifier, "remoteJid": address(source.Chat), "fromMe": source.IsFromMe}
        if source.IsGroup:
            other = address(source.SenderAlt) or self._phone_of(source.Sender)
            return key | {"participant": address(source.Sender), "participantAlt": other}
        other = address(source.RecipientAlt if source.IsFromMe else source.SenderAlt)
        return key | {"remoteJidAlt": other or self._phone_of(source.Chat)}

    def _phone_of(self, jid: Any) -> str:
        """The phone's address of a hidden id, where the account has learned it; nothing for any other address."""
        if jid.Server != _LID:
            return ""
        with suppress(Exception):  # without it the person is known by the hidden id alone
            return address(self._client.get_pn_from_lid(jid))
        return ""

    def receipt(self, event: Any) -> None:
        status = _STATUSES.get(event.Type)
        if status is not None and not event.MessageSource.IsFromMe:
            chat = address(event.MessageSource.Chat)
            self._tell(protocol.Receipt(chat=chat, ids=list(event.MessageIDs), status=status))  # type: ignore[arg-type]

    def chat_presence(self, event: Any) -> None:
        """What somebody does in a private chat; that they have stopped is not told."""
        source = event.MessageSource
        if event.State == _COMPOSING and not source.IsGroup and not source.IsFromMe:
            other = address(source.SenderAlt) or self._phone_of(source.Chat)
            self._tell(protocol.Composing(chat=address(source.Chat), other=other))

    def call(self, event: Any) -> None:
        call = event.basicCallMeta
        caller, other = address(getattr(call, "from")), address(call.callCreatorAlt)
        key = {"id": call.callID, "remoteJid": caller, "remoteJidAlt": other, "fromMe": False}
        self._tell(self._with_copy({"key": key, "messageTimestamp": call.timestamp // 1000, "message": {"call": {}}}))

    def history(self, event: Any) -> None:
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


def address(jid: Any) -> str:
    """A JID as text, without its device; empty for the empty one."""
    return f"{jid.User}@{jid.Server}" if jid.User else ""
