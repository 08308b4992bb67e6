"""WhatsApp's addresses: people by phone (`@s.whatsapp.net`) or hidden id (`@lid`), groups, and what is no chat."""

from __future__ import annotations

import re

PHONE = "@s.whatsapp.net"
LID = "@lid"
GROUP = "@g.us"

# The same people, at an older server or on a device that Meta hosts.
_SERVERS = {"@c.us": PHONE, "@hosted": PHONE, "@hosted.lid": LID}
_MACHINES = frozenset({"0@s.whatsapp.net", "13135550002@s.whatsapp.net"})
"""WhatsApp's own announcements, and Meta AI."""
_NO_CHAT = ("@broadcast", "@newsletter")
_USER = re.compile(r"(?P<user>[^@:]+)(?::\d+)?(?P<server>@[a-z.]+)")
_NUMBER = re.compile(r"\+?(\d{6,20})")


def bare(address: str) -> str:
    """An address without its device (`:12`), in today's spelling; a mere number becomes a phone address.

    What has none of the known forms is returned as it is.
    """
    address = address.strip()
    if number := _NUMBER.fullmatch(address):
        return number[1] + PHONE
    parts = _USER.fullmatch(address)
    if parts is None:
        return address
    return parts["user"] + _SERVERS.get(parts["server"], parts["server"])


def canonical(address: str) -> str:
    """One spelling per person, to compare addresses by; not an address to send to.

    WhatsApp knows the same Brazilian, Mexican and Argentine numbers with and
    without the digit that once marked mobiles.
    """
    address = bare(address)
    if not is_phone(address):
        return address
    digits = _with_ninth_digit(address.removesuffix(PHONE))
    if re.fullmatch(r"(521|549)\d{10}", digits):
        digits = digits[:2] + digits[3:]
    return digits + PHONE


def phone(address: str) -> str | None:
    """The number to dial, as `+digits`; None when the address does not hold a phone number."""
    address = bare(address)
    digits = address.removesuffix(PHONE)
    if not is_phone(address) or not re.fullmatch(r"\d{6,15}", digits):
        return None
    if re.fullmatch(r"521\d{10}", digits):
        # Mexico dropped the 1 from dialling in 2019, WhatsApp's ids kept it.
        digits = "52" + digits[3:]
    return "+" + _with_ninth_digit(digits)


def is_phone(address: str) -> bool:
    return address.endswith(PHONE)


def is_group(address: str) -> bool:
    return address.endswith(GROUP)


def is_chat(address: str) -> bool:
    """Whether people talk there: not a status story, a broadcast list or a newsletter."""
    return not address.endswith(_NO_CHAT)


def is_machine(address: str) -> bool:
    """Whether WhatsApp itself or an AI of Meta's writes from there."""
    return address in _MACHINES or address.endswith("@bot")


def _with_ninth_digit(digits: str) -> str:
    """A Brazilian mobile with its leading 9, which older WhatsApp ids lack; landlines begin with 2 to 5."""
    if re.fullmatch(r"55\d{2}[6-9]\d{7}", digits):
        return f"{digits[:4]}9{digits[4:]}"
    return digits
