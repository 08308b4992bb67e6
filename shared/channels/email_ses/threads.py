"""Which thread a mail belongs to: by the addresses and ids in it, never by its subject.

Amazon gives every mail a Message-ID of its own, so ours would not come back in
`In-Reply-To`. What does come back is `References`: each of our mails names there
an id that says which thread it is of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

DIRECT = "direct"
"""The thread of what the business wrote without being asked: the customer's own conversation."""

MOST_REFERENCES = 20

_OURS = re.compile(r"<omni\.([0-9a-z]{6,40})@[^<>\s]{1,255}>")
_REPLY_TO = re.compile(r"reply\+([0-9a-z]{6,40})@", re.IGNORECASE)
_ID = re.compile(r"<[^<>\s]{1,900}>")


def thread_of(recipients: Iterable[str], references: Sequence[str], message_id: str) -> str:
    """The thread's token; `references` are the ids of the mails before it, the oldest first."""
    for address in recipients:
        if match := _REPLY_TO.search(address):
            return match[1].lower()
    for reference in references:
        if match := _OURS.fullmatch(reference):
            return match[1]
    return token(references[0] if references else message_id)


def token(message_id: str) -> str:
    """Every mail of a thread names the same first one, whoever answers."""
    return hashlib.sha256(message_id.encode("utf-8", "replace")).hexdigest()[:20]


def reference(thread: str, domain: str) -> str:
    """The id by which an answer to our mail finds its thread."""
    return f"<omni.{thread}@{domain}>"


def reply_address(thread: str, domain: str) -> str:
    return f"reply+{thread}@{domain}"


def ids(header: str) -> list[str]:
    """The message ids in a `References` or `In-Reply-To` header."""
    return _ID.findall(header)
