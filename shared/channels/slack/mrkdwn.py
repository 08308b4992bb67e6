"""Slack's notation for text: plain text outside, `&`, `<…>` and names of emoji inside.

https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re

_REFERENCE = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")

# Reactions come and go by name; these are those that people use most.
_EMOJI = {
    "+1": "👍",
    "thumbsup": "👍",
    "-1": "👎",
    "thumbsdown": "👎",
    "heart": "❤️",
    "joy": "😂",
    "smile": "😄",
    "slightly_smiling_face": "🙂",
    "tada": "🎉",
    "eyes": "👀",
    "pray": "🙏",
    "fire": "🔥",
    "rocket": "🚀",
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "clap": "👏",
    "raised_hands": "🙌",
    "ok_hand": "👌",
    "wave": "👋",
    "thinking_face": "🤔",
    "cry": "😢",
    "open_mouth": "😮",
    "rage": "😡",
    "100": "💯",
    "star": "⭐",
}
_NAMES = {emoji.rstrip("\ufe0f"): name for name, emoji in reversed(_EMOJI.items())}


def plain(text: str, addressee: str | None = None) -> str:
    """The text as people read it: links as their address, mentions as `@…`, without the one that calls `addressee`."""
    if addressee:
        text = re.sub(rf"^\s*<@{re.escape(addressee)}(\|[^<>]*)?>[\s,:]*", "", text)
    read = _REFERENCE.sub(_read, text)
    return read.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _read(match: re.Match[str]) -> str:
    target, label = match[1], match[2]
    if target.startswith(("@", "#")):
        return target[0] + (label or target[1:])
    if target.startswith("!"):
        return label or "@" + target[1:].split("^")[0]
    address = target.removeprefix("mailto:").removeprefix("tel:")
    return f"{label} ({address})" if label and label not in (address, target) else address


def emoji(name: str) -> str:
    """The emoji of a name, which may carry a skin tone; `:name:` for what only this workspace knows."""
    return _EMOJI.get(name.split("::")[0]) or f":{name}:"


def emoji_name(emoji: str) -> str | None:
    """Slack's name of an emoji, or of `:name:`; None for one that is not in the table."""
    if emoji.startswith(":") and emoji.endswith(":") and len(emoji) > 2:
        return emoji[1:-1]
    return _NAMES.get(emoji.rstrip("\ufe0f"))
