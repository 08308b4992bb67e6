"""The notations for styled text that channels have, one row of a table each.

Slack: https://docs.slack.dev/messaging/formatting-message-text. WhatsApp:
https://faq.whatsapp.com/539178204879377. Discord:
https://support.discord.com/hc/en-us/articles/210298617.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Addresses stay whole; what would begin a heading, a quotation or an item counts at a line's beginning only.
_DISCORD_MARKS = re.compile(r"https?://\S+|[\\*_~`|<]|^(?=(?:#{1,3}|>|>>>|-|-#) )")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How one notation is written.

    `marks` stand around a style. A `tight` notation knows them only at the
    borders of words and has no way to write a mark that is none; what cannot be
    marked is left plain. `link` writes a label, escaped for the notation, with its
    URL; without it the address stays behind the label. `verbatim` writes what is
    code, `mark` what begins a quoted line or an item of a list. `languages` says
    whether a block of code may tell its language.
    """

    marks: Mapping[str, tuple[str, str]]
    escape: Callable[[str], str] = str
    verbatim: Callable[[str], str] = str
    mark: Callable[[str], str] = str
    link: Callable[[str, str], str] | None = None
    tight: bool = True
    newline: str = "\n"
    languages: bool = False


def slack_escaped(text: str) -> str:
    """Text that Slack shows as it is written; no `<!channel>` in it notifies anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_link(label: str, url: str) -> str:
    """A link with a label that is escaped already, or without one; what could end it early has no place in it."""
    safe = url.replace("<", "%3C").replace(">", "%3E").replace("|", "%7C").replace("&", "&amp;")
    return f"<{safe}|{label.replace('|', ' ')}>" if label and label != safe else f"<{safe}>"


def _discord_escaped(text: str) -> str:
    return _DISCORD_MARKS.sub(lambda match: match[0] if match[0].startswith("http") else "\\" + match[0], text)


def _discord_link(label: str, url: str) -> str:
    return url if label == _discord_escaped(url) else f"[{label}]({url.replace('(', '%28').replace(')', '%29')})"


def _html_link(label: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{label}</a>'


def bulleted(mark: str) -> str:
    """What begins a line, with the dot that people know items of a list by."""
    return mark.replace("-", "•")


NOTATIONS: Mapping[str, Notation] = {
    "slack": Notation(
        marks={
            "bold": ("*", "*"),
            "italic": ("_", "_"),
            "strike": ("~", "~"),
            "code": ("`", "`"),
            "pre": ("```", "```"),
        },
        escape=slack_escaped,
        verbatim=slack_escaped,
        mark=bulleted,
        link=slack_link,
    ),
    "whatsapp": Notation(
        marks={
            "bold": ("*", "*"),
            "italic": ("_", "_"),
            "strike": ("~", "~"),
            "code": ("```", "```"),
            "pre": ("```", "```"),
        },
    ),
    "discord": Notation(
        marks={
            "bold": ("**", "**"),
            "italic": ("*", "*"),
            "strike": ("~~", "~~"),
            "code": ("`", "`"),
            "pre": ("```", "```"),
        },
        escape=_discord_escaped,
        link=_discord_link,
        tight=False,
        languages=True,
    ),
    "html": Notation(
        marks={
            "bold": ("<strong>", "</strong>"),
            "italic": ("<em>", "</em>"),
            "strike": ("<s>", "</s>"),
            "code": ("<code>", "</code>"),
            "pre": ("<pre>", "</pre>"),
        },
        escape=html.escape,
        verbatim=html.escape,
        mark=lambda mark: html.escape(bulleted(mark)),
        link=_html_link,
        tight=False,
        newline="<br>\n",
    ),
}
