"""Bytes of mails as text: programs name charsets wrongly, by other names, or not at all."""

from __future__ import annotations

import codecs
import re

# Decoding these costs the square of the length, and nobody writes a mail in them.
_NO_CHARSETS = frozenset({"idna", "punycode"})
# What mail programs call charsets that Python knows by another name, or whose newer form holds what they write.
_CHARSETS = {
    "iso-8859-6-e": "iso-8859-6",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "unicode-1-1-utf-7": "utf-7",
}
# What programs write that do not know what they write.
_WESTERN = frozenset({"ascii", "iso8859-1", "cp1252"})
_META_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_MOST_META = 4_096


def text(content: bytes, charset: str | None) -> str:
    """The text in its charset. Where that is missing or wrong, it is UTF-8 if it can be, else Windows' western one."""
    codec = _codec(charset)
    guesses = ["utf-8", codec] if codec is None or codec in _WESTERN else [codec, "utf-8"]
    for guess in guesses:
        try:
            return clean(content.decode(guess)) if guess else clean(content.decode("cp1252"))
        except (LookupError, ValueError):
            continue
    return clean(content.decode(codec if codec and codec not in _WESTERN else "cp1252", "replace"))


def _codec(charset: str | None) -> str | None:
    name = (charset or "").strip().lower()
    try:
        codec = codecs.lookup(_CHARSETS.get(name, name)).name if name else None
    except (LookupError, ValueError):  # a charset that nobody knows
        return None
    return None if codec in _NO_CHARSETS else codec


def clean(text: str) -> str:
    """What any store takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def declared_in_html(raw_text: bytes) -> str | None:
    match = _META_CHARSET.search(raw_text[:_MOST_META])
    return match[1].decode("ascii", "replace") if match else None
