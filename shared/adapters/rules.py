"""What holds for every backend alike."""

from __future__ import annotations

import re

_MAX_ID_BYTES = 1500
_USUAL_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,100}")
_RESERVED_ID = re.compile(r"\.{1,2}|__.*__", re.DOTALL)


def is_addressable(id_: str) -> bool:
    """Whether a document can have this id: Firestore's rules (https://firebase.google.com/docs/firestore/quotas)."""
    if _USUAL_ID.fullmatch(id_):
        return True
    try:
        size = len(id_.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return 0 < size <= _MAX_ID_BYTES and not _RESERVED_ID.fullmatch(id_) and not {"/", "\x00"} & set(id_)
