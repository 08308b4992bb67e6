"""What a mail says: its text, and its HTML made safe."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message as Mail

from shared.channels.email_ses import charsets, markup, parts

MOST_TEXT, MOST_HTML = 100_000, 200_000

# Four bytes make a character at most; what is cut off before decoding is never shown.
_MOST_BYTES = 8 * MOST_HTML


def body(mail: Mail, *, is_answer: bool) -> tuple[str, str | None]:
    """The text of all parts in their order, and the HTML made safe where there is any.

    Of alternatives the text is taken, or the HTML's words where there is none. What is quoted is cut from an answer
    alone: elsewhere it is what the customer means.
    """
    pieces = list(_body_parts(mail, parts.MOST_PARTS))
    rich = "\n".join(rich for _, rich in pieces if rich)[: MOST_HTML * 2]
    text = "\n\n".join(text.strip() for text, _ in pieces if text.strip())
    text = unquoted(text) if is_answer else text.replace("\r\n", "\n")
    return text[:MOST_TEXT].strip(), sanitised(rich) if rich.strip() else None


def _body_parts(part: Mail, most: int) -> Iterator[tuple[str, str | None]]:
    """Text and HTML of each part that is to be read, one after the other."""
    if part.get_content_maintype() == "message":
        return
    if not part.is_multipart():
        if not parts.is_file(part) or parts.is_named_text(part):
            yield _as_read(part)
        return
    children = [child for child in parts.children(part)[:most] if isinstance(child, Mail)]
    if part.get_content_subtype() == "alternative":
        yield from _best(children, most)
        return
    for child in children:
        yield from _body_parts(child, most)


def _best(children: list[Mail], most: int) -> Iterator[tuple[str, str | None]]:
    """One of the alternatives: its words from the first that has some, its looks from the last that has some."""
    alternatives = [list(_body_parts(child, most)) for child in children]
    texts = ("\n\n".join(text for text, _ in pieces if text.strip()) for pieces in alternatives)
    looks = ["\n".join(rich for _, rich in pieces if rich) for pieces in alternatives]
    rich = next((rich for rich in reversed(looks) if rich), None)
    yield next((text for text in texts if text.strip()), ""), rich


def _as_read(part: Mail) -> tuple[str, str | None]:
    content_type, raw_text = part.get_content_type(), parts.content(part)[:_MOST_BYTES]
    if content_type not in ("text/plain", "text/html"):
        return "", None
    if content_type == "text/plain":
        return charsets.text(raw_text, part.get_content_charset()), None
    rich = charsets.text(raw_text, part.get_content_charset() or charsets.declared_in_html(raw_text))
    return markup.text_of(rich[: MOST_HTML * 2]), rich


def sanitised(rich: str) -> str | None:
    """HTML without scripts, styles, forms and anything that could act; None when nothing is left or it is too much."""
    import nh3  # noqa: PLC0415 - costs cold start, and most messages are no mail

    schemes = {"http", "https", "mailto", "tel", "cid"}
    short = markup.balanced(rich[: MOST_HTML * 2], frozenset(nh3.ALLOWED_TAGS))
    safe = nh3.clean(short, url_schemes=schemes, link_rel="noopener noreferrer nofollow")
    return safe if safe.strip() and len(safe) <= MOST_HTML else None


def unquoted(text: str) -> str:
    """The text without the older mail that is quoted below it."""
    lines = text.replace("\r\n", "\n").split("\n")
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].startswith(">")):
        end -= 1
    if end == len(lines) or not any(line.startswith(">") for line in lines[end:]):
        return text.replace("\r\n", "\n")
    # The line that says who wrote what is quoted, folded or not.
    while end and lines[end - 1].rstrip().endswith(":") and len(lines[end - 1]) < 300:
        end -= 1
    unquoted_text = "\n".join(lines[:end]).strip()
    return unquoted_text or text.replace("\r\n", "\n")
