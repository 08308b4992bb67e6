"""A stranger's mail costs what its length says, and one that cannot be read holds nobody up."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable

import pytest

from shared.channels.email_ses import bodies
from shared.channels.email_ses.inbound import parse
from shared.domain.inbound import MessageReceived
from shared.errors import PayloadInvalid

HTML = b"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"


def _read(raw: bytes) -> MessageReceived:
    notification = {
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-20T20:32:33.936Z", "source": "a@b.example", "messageId": "1"},
        "receipt": {"action": {"type": "SNS", "encoding": "BASE64"}},
        "content": base64.b64encode(raw).decode(),
    }
    [message] = parse(notification)
    assert isinstance(message, MessageReceived)
    return message


def _body(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: HTML + piece * (size // len(piece))


def _reopened(size: int) -> bytes:
    """Formatting elements that every paragraph has to open anew."""
    many = size // 25
    return HTML + b"<p>" + b"".join(b"<b id=%d>" % number for number in range(many)) + b"<p>x</p>" * many


def _header(name: bytes, piece: bytes) -> Callable[[int], bytes]:
    return lambda size: b"From: a@b.example\r\n" + name + b": " + piece * (size // len(piece)) + b"\r\n\r\nx"


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "unclosed breaks": _body(b"<br"),
    "unclosed styles": _body(b"<style "),
    "styles without an end": _body(b"<style>"),
    "titles without an end": _body(b"<title>"),
    "comments without an end": _body(b"<!--"),
    "deep elements": _body(b"<div>"),
    "deep lists": _body(b"<ul><li>"),
    "quotes without an end": _body(b'<a b="'),
    "many attributes": lambda size: HTML + b"<p " + b"".join(b"a%d " % n for n in range(size // 6)) + b">x",
    "elements opened anew": _reopened,
    "white space": _body(b"\n \t"),
    "encoded words": _header(b"Subject", b"=?utf-8?q?a"),
    "parameters": _header(b"Content-Type", b';a*0="'),
    "a costly charset": lambda size: HTML.replace(b"utf-8", b"punycode") + b"a" * size + b"-" + b"9" * size,
}


def _nested(depth: int) -> bytes:
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    return b"From: a@b.example\r\n" + b"".join(parts) + b"\r\nthe text\r\n"


def _cost(raw: bytes) -> float:
    """Seconds of processor time, the lowest of three measurements."""
    readings = []
    for _ in range(3):
        before = time.thread_time()
        _read(raw)
        readings.append(time.thread_time() - before)
    return min(readings)


@pytest.mark.parametrize("name", HOSTILE)
def test_eight_times_the_mail_costs_no_square_of_it(name: str) -> None:
    make = HOSTILE[name]
    _read(make(100))
    # Quadratic time would be 64 times as long; differences of a few milliseconds cannot be measured.
    assert _cost(make(80_000)) < 24 * max(_cost(make(10_000)), 0.002)


def test_elements_in_html_lie_in_one_another_only_so_deep() -> None:
    safe = bodies.sanitised("<div>" * 5000 + "deep" + "</div>" * 5000) or ""
    assert safe == "<div>" * 64 + "deep" + "</div>" * 64


@pytest.mark.parametrize(
    ("rich", "text"),
    [
        ("<head><title>T</title></head><p>Hello<br/>you</p><p>Bye</p>", "Hello\nyou\nBye"),
        ("<STYLE>p{}</STYLE ><!--[if mso]><p>no</p><![endif]-->A &amp; B &lt;b&gt; &eacute;", "A & B <b> é"),
        ("<o:p>1 < 2 and 3 > 2</o:p>", "1 < 2 and 3 > 2"),
        ("<title>never closed", "never closed"),
        ("a<p></p><div></div><p></p>b", "a\n\nb"),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
    ],
)
def test_html_is_shown_as_its_words(rich: str, text: str) -> None:
    assert _read(HTML + rich.encode()).text == text


@pytest.mark.parametrize(
    ("rich", "safe"),
    [
        ("<b>1<i>2</b>3</i>", "<b>1<i>2</i></b>3"),
        (
            '<p><a href="https://x.example/?a=1&b=2">go</a>',
            r'<p><a href="https://x\.example/\?a=1&amp;b=2"[^>]*>go</a></p>',
        ),
        ("<table><tr><td colspan=2>x</table>y", '<table><tbody><tr><td colspan="2">x</td></tr></tbody></table>y'),
        ('<img src="cid:logo" alt="a > b"><br>', '<img src="cid:logo" alt="a (>|&gt;) b"><br>'),
    ],
)
def test_html_keeps_its_form(rich: str, safe: str) -> None:
    assert re.fullmatch(safe, bodies.sanitised(rich) or "")


def test_parts_lie_in_one_another_as_deep_as_real_ones_do() -> None:
    assert _read(_nested(20)).text == "the text"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: " + b"(" * 600 + b"\r\n\r\nx",
        b"From: a@b.example\r\nTo: " + b"a:" * 2000 + b"\r\n\r\nx",
        _nested(2000),
        _nested(21),
        b"From: a@b.example\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 3000,
    ],
    ids=["comments", "groups", "parts", "some parts", "mails"],
)
def test_what_is_nested_without_end_is_no_mail(raw: bytes) -> None:
    with pytest.raises(PayloadInvalid, match="nested too deep"):
        _read(raw)
