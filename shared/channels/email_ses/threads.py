"""Which thread a mail belongs to: by the addresses and ids in it, never by its subject.

Amazon gives every mail a Message-ID of its own, so ours would not come back in
`In-Reply-To`. What does come back is `References`: each of our mails names there
an id that says which thread it is of.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

DIRECT = "direct"
"""The thread of what the business wrote without being asked: the customer's own conversation."""

MOST_REFERENCES = 20

_OURS = re.compile(r"<omni\.([0-9a-z]{6,40})(?:\.([0-9a-f]{20}))?@[^<>\s]{1,255}>")
_REPLY_TO = re.compile(r"reply\+([0-9a-z]{6,40})\.([0-9a-f]{20})@([a-z0-9.-]{1,255})")
_ID = re.compile(r"<[^<>\s]{1,900}>")


def thread_of(
    recipients: Iterable[str],
    references: Sequence[str],
    message_id: str,
    key: str | None = None,
    reply_domain: str | None = None,
) -> str:
    """The thread's name; `references` are the ids of the mails before it, the oldest first.

    `recipients` are those that the mail server was told, for anybody may write anything into `To`. Ids of ours from
    before they were signed are taken as well: who is in a thread is not decided by what they know of it.
    """
    for address in recipients:
        match = _REPLY_TO.fullmatch(address.strip().lower())
        if match and reply_domain and match[3] == reply_domain.lower() and _is_ours(match[1], match[2], key):
            return match[1]
    return thread_in(references, key) or name(references[0] if references else message_id)


def thread_in(references: Iterable[str], key: str | None) -> str | None:
    """The thread that one of these ids of ours names; None where none of them is ours."""
    for reference in references:
        match = _OURS.fullmatch(reference)
        if match and (match[2] is None or match[1] == DIRECT or _is_ours(match[1], match[2], key)):
            return match[1]
    return None


def reported_thread(references: Iterable[str], recipient: str, key: str | None) -> str | None:
    """The thread of our mail to `recipient` that one of these ids of ours, which only such a mail told, names."""
    for reference in references:
        match = _OURS.fullmatch(reference)
        if match and match[2] and _is_ours(_addressed(match[1], recipient), match[2], key):
            return match[1]
    return None


def name(*parts: str) -> str:
    """A thread's name, made of the id of its first mail, which every mail of it tells, whoever answers."""
    return hashlib.sha256(" ".join(parts).encode("utf-8", "replace")).hexdigest()[:20]


def reference(thread: str, domain: str, key: str | None, recipient: str) -> str:
    """The id by which an answer to our mail, or the report that it did not reach `recipient`, finds its thread."""
    signature = f".{_signature(_addressed(thread, recipient), key)}" if key else ""
    return f"<omni.{thread}{signature}@{domain}>"


def _addressed(thread: str, recipient: str) -> str:
    """What the id of a thread signs: customers must not know that of one another's own conversations."""
    return f"{thread} {recipient.lower()}" if thread == DIRECT else thread


def reply_address(thread: str, domain: str, key: str) -> str:
    return f"reply+{thread}.{_signature(thread, key)}@{domain}"


def _is_ours(thread: str, signature: str, key: str | None) -> bool:
    return key is not None and hmac.compare_digest(signature, _signature(thread, key))


def _signature(thread: str, key: str) -> str:
    return hmac.new(key.encode(), f"mail thread {thread}".encode(), hashlib.sha256).hexdigest()[:20]


def ids(header: str) -> list[str]:
    """The message ids in a `References` or `In-Reply-To` header."""
    return _ID.findall(header)
