"""What hub and workers say to each other, and how WhatsApp's protocol buffers are spelled."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.protobuf_json import spelled

REPORTS: list[protocol.Report] = [
    protocol.Alive(),
    protocol.Qr(code="2@ref", seconds=60),
    protocol.Message(data={"key": {"id": "M1"}}, history=True),
    protocol.Receipt(chat="5511988887777@s.whatsapp.net", ids=["M1"], status="READ"),
    protocol.PairingEnded(why="nobody scanned the code"),
    protocol.Answer(number=1, outcome="unknown", why="no word"),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_is_read_as_it_was_written(report: protocol.Report) -> None:
    line = protocol.line(report)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert protocol.report(line) == report


def test_either_side_may_be_newer_than_the_other() -> None:
    assert protocol.command(b'{"type": "dance"}') is None
    assert protocol.command(b'{"type": "ping", "at": 5}') == protocol.Ping()
    assert protocol.report(b'{"type": "pairing_ended", "why": "late", "after": 160}') == protocol.PairingEnded(
        why="late"
    )


GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"type": 7}',
    b'{"type": "qr"}',
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"type": "banned", "why": "spam", "seconds": "soon"}',
    b'{"type": "banned", "why": "spam", "seconds": true}',
    b'{"type": "receipt", "chat": "1@lid", "ids": 7, "status": "READ"}',
    b'{"type": "receipt", "chat": "1@lid", "ids": [7], "status": "READ"}',
    b'{"type": "receipt", "chat": "1@lid", "ids": [], "status": "EATEN"}',
    b'{"type": "answer", "number": []}',
    b'{"type": "answer", "number": 1, "message_id": {}}',
    b'{"type": "message", "data": "Hello"}',
]


@pytest.mark.parametrize("line", GARBAGE)
def test_a_line_that_says_nothing_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="a line"):
        protocol.report(line)


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("URL", "url"),
        ("fileEncSHA256", "fileEncSha256"),
        ("stanzaID", "stanzaId"),
        ("JPEGThumbnail", "jpegThumbnail"),
        ("PTT", "ptt"),
        ("callLogMesssage", "callLogMesssage"),
        ("pollCreationMessageV3", "pollCreationMessageV3"),
    ],
)
def test_fields_are_spelled_as_web_clients_do(name: str, spelling: str) -> None:
    assert spelled(name) == spelling


def test_a_worker_ends_with_its_hub() -> None:
    hub, inherited = socket.socketpair()
    with hub, inherited:
        command = [sys.executable, "-m", "infra.sockets.whatsapp.worker", str(inherited.fileno())]
        worker = subprocess.Popen(command, pass_fds=[inherited.fileno()])
        inherited.close()
        with hub.makefile("rb") as lines:
            assert protocol.report(lines.readline()) == protocol.Alive()
        hub.shutdown(socket.SHUT_RDWR)
        assert worker.wait(20) == 0
