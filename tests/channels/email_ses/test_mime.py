"""Nothing that strangers put into a mail makes reading it fail."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.channels.email_ses import bodies
from shared.channels.email_ses.inbound import parse
from shared.domain.inbound import MessageReceived, Receipt
from shared.errors import PayloadInvalid
from tests.channels import golden

_MAILS = [
    base64.b64decode(notification["content"])
    if notification["receipt"]["action"]["encoding"] == "BASE64"
    else notification["content"].encode()
    for path in golden.recordings("email_ses")
    if path.stem.startswith("received__")
    for notification in [json.loads(json.loads(path.read_text("utf-8"))["Message"])]
]
_HEADERS = st.sampled_from(
    ["From", "To", "Subject", "References", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "Content-ID"]
)
_PIECES = st.lists(st.tuples(_HEADERS, st.text(max_size=60).map(lambda text: text.replace("\n", " "))), max_size=6)


def _read(raw: bytes) -> list[object]:
    notification = {
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-20T20:32:33.936Z", "source": "a@b.example", "messageId": "1"},
        "receipt": {"action": {"type": "SNS", "encoding": "BASE64"}},
        "content": base64.b64encode(raw).decode(),
    }
    return list(parse(notification))


@settings(max_examples=300, deadline=None, database=None)
@given(raw=st.binary(max_size=400))
@example(raw=b"Content-Type: multipart/mixed\r\n\r\n")
@example(raw=b'Content-Type: text/plain; charset="\0"\r\n\r\n\xff')
@example(raw=b"Content-Transfer-Encoding: base64\r\n\r\n!")
@example(raw=b"Content-Transfer-Encoding: uuencode\r\n\r\nbegin 666\nx")
@example(raw=b"From: =?utf-8?b?=?= <a@b.example>\r\n\r\n")
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    [message] = _read(raw)
    assert isinstance(message, MessageReceived)
    json.dumps(message.extra, ensure_ascii=False).encode()


@settings(max_examples=300, deadline=None, database=None)
@given(mail=st.sampled_from(_MAILS), headers=_PIECES, cut=st.integers(0, 2000))
def test_damaged_mails_are_read_as_far_as_they_go(mail: bytes, headers: list[tuple[str, str]], cut: int) -> None:
    added = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("utf-8", "surrogateescape")
    for event in _read((added + mail)[: len(added) + cut]):
        assert isinstance(event, MessageReceived | Receipt)
        text = event.text if isinstance(event, MessageReceived) else event.error
        (text or "").encode()


def test_a_notification_without_a_mail_says_what_to_do() -> None:
    notification = {
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-20T20:32:33.936Z", "messageId": "1"},
        "receipt": {"action": {"type": "Lambda"}},
    }
    with pytest.raises(PayloadInvalid, match="S3 action"):
        parse(notification)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thanks!\n\nOn Friday Bo <b@x.example> wrote:\n> Hello\n> there\n", "Thanks!"),
        ("Thanks!\r\n\r\n> Hello\r\n", "Thanks!"),
        ("> quoted first\nand answered below", "> quoted first\nand answered below"),
        ("> only quoted", "> only quoted"),
        ("My list:\n1\n2", "My list:\n1\n2"),
        ("a > b", "a > b"),
        ("", ""),
    ],
)
def test_the_older_mail_below_a_text_is_cut_off(text: str, expected: str) -> None:
    assert bodies.unquoted(text) == expected


@pytest.mark.parametrize(
    "rich",
    [
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)">x</a>',
        '<img src="x" onerror="alert(1)">',
        '<iframe src="https://evil.example"></iframe>',
        "<style>body{background:url(https://evil.example)}</style>",
        '<form action="https://evil.example"><input></form>',
        '<svg onload="alert(1)"></svg>',
        '<p style="position:fixed">x</p>',
    ],
)
def test_html_keeps_nothing_that_could_act(rich: str) -> None:
    safe = bodies.sanitised(f"<p>Hello</p>{rich}") or ""
    assert "<p>Hello</p>" in safe
    for word in ("script", "onerror", "onload", "evil.example", "style", "<form", "<iframe"):
        assert word not in safe
