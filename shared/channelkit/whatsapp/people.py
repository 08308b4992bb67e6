"""Who and where: a message's `key` names the same person in up to five ways.

| Evolution | private chats of people with a hidden id |
|---|---|
| 2.2.3, 2.3.0 | `remoteJid: x@lid`, sometimes `senderPn`, `participantPn`, `senderLid` |
| 2.3.1 to 2.3.4 | `remoteJid` rewritten to the phone, `previousRemoteJid: x@lid` |
| 2.3.5 and later | `remoteJid` as received, the other form in `remoteJidAlt`; groups: `participant`, `participantAlt` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.channelkit import jid
from shared.channelkit.whatsapp.wire import Fields, boolean, text
from shared.domain.inbound import Sender

_CHAT = ("remoteJid", "remoteJidAlt", "senderPn", "previousRemoteJid", "senderLid")
_AUTHOR = ("participant", "participantAlt", "participantPn", "senderPn", "participantLid", "senderLid")
_LONGEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat. `keys` are its canonical addresses, the phone first; `address` is the one to send to."""

    address: str
    keys: tuple[str, ...]
    is_group: bool

    @property
    def key(self) -> str:
        return self.keys[0]


def chat_of(key: Fields, own: str | None) -> Chat | None:
    """The chat that a message key names; None when it names none, or one that nobody talks in.

    `own` is the connected account: in what it wrote itself some versions give
    its own phone as the chat's.
    """
    remote = address(key.get("remoteJid"))
    if remote is None or not jid.is_chat(remote):
        return None
    if jid.is_group(remote):
        return Chat(address=remote, keys=(remote,), is_group=True)
    named = _addresses(key, _CHAT)
    others = [candidate for candidate in named if own is None or jid.canonical(candidate) != jid.canonical(own)]
    ranked = _phone_first(others or named)
    return Chat(address=ranked[0], keys=_keys(ranked), is_group=False)


def author_of(data: Fields, key: Fields, chat: Chat, own: str | None) -> Sender:
    """Who wrote; in a private chat always the customer, also where the business itself wrote."""
    from_me = boolean(key.get("fromMe"))
    # The name that comes with own messages is the account's ("Você"), not the customer's.
    name = None if from_me else text(data.get("pushName"))
    if not chat.is_group:
        return _sender(chat.address, chat.keys, name)
    named = _addresses({"participant": data.get("participant")} | dict(key), _AUTHOR)
    if from_me:
        named = [own] if own else named
    ranked = _phone_first(named or [chat.address])
    return _sender(ranked[0], _keys(ranked), name)


def own_address(payload: Fields) -> str | None:
    """The connected account; Evolution calls it `sender`, and leaves it out until the first login."""
    return address(payload.get("sender"))


def address(value: object) -> str | None:
    """An address without its device; nothing of that length is one of WhatsApp's."""
    text_value = text(value)
    return jid.bare(text_value) if text_value and len(text_value) <= _LONGEST else None


def _sender(reachable_at: str, keys: tuple[str, ...], name: str | None) -> Sender:
    return Sender(external_user_id=reachable_at, keys=keys, name=name, phone=jid.phone(reachable_at))


def _addresses(key: Fields, names: Sequence[str]) -> list[str]:
    return [candidate for name in names if (candidate := address(key.get(name)))]


def _phone_first(addresses: Sequence[str]) -> list[str]:
    return sorted(addresses, key=lambda candidate: not jid.is_phone(candidate))


def _keys(addresses: Sequence[str]) -> tuple[str, ...]:
    """One phone and one hidden id: nobody has more, whatever a webhook claims."""
    keys = dict.fromkeys(jid.canonical(candidate) for candidate in addresses)
    phones = [key for key in keys if jid.is_phone(key)][:1]
    others = [key for key in keys if not jid.is_phone(key)][:1]
    return (*phones, *others)
