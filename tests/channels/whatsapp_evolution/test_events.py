"""Connection, pairing, and what a webhook is cut into."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shared.channels.whatsapp_evolution import inbound
from shared.channels.whatsapp_evolution import webhook as webhook_module
from shared.domain.inbound import ConnectionChanged, PairingCodeIssued
from shared.domain.instances import InstanceStatus
from shared.errors import PayloadInvalid
from tests.channels.golden import webhook
from tests.channels.whatsapp_evolution.samples import MARIA, OWN, body, events, message, only, parts


def test_an_open_connection_names_the_account() -> None:
    data = {"state": "open", "statusReason": 200, "wuid": OWN, "profileName": "ACME"}
    assert only(body("connection.update", data)) == ConnectionChanged(
        status=InstanceStatus.CONNECTED, phone_number="+5511900000000", display_name="ACME"
    )


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ({"state": "close", "statusReason": 401}, "logged out (401)"),
        ({"state": "close", "statusReason": 403}, "the account is banned (403)"),
        ({"state": "close", "statusReason": 500}, "closed (500)"),
        ({"state": "close"}, "close"),
        ({"state": "refused", "statusReason": 428}, "the QR limit was reached without a scan (428)"),
        ({"state": "refused"}, "the QR limit was reached without a scan (428)"),
    ],
)
def test_a_lost_connection_says_why(data: dict[str, Any], detail: str) -> None:
    assert only(body("connection.update", data)) == ConnectionChanged(status=InstanceStatus.DISCONNECTED, detail=detail)


@pytest.mark.parametrize(
    ("event", "data", "status"),
    [
        ("status.instance", {"status": "closed", "disconnectionReasonCode": 401}, InstanceStatus.DISCONNECTED),
        ("STATUS_INSTANCE", {"instance": "acme", "status": "removed"}, InstanceStatus.DISCONNECTED),
        ("logout.instance", None, InstanceStatus.DISCONNECTED),
        ("remove.instance", None, InstanceStatus.DISCONNECTED),
        ("remove.instance", [], InstanceStatus.DISCONNECTED),
        ("instance.delete", {"instanceName": "acme"}, InstanceStatus.DELETED),
        ("connection.update", {"state": "connecting", "statusReason": 200}, InstanceStatus.CONNECTING),
    ],
)
def test_a_connection_event_changes_the_status(event: str, data: object, status: InstanceStatus) -> None:
    change = only(body(event, data))
    assert isinstance(change, ConnectionChanged)
    assert change.status is status


def test_an_unknown_state_changes_nothing() -> None:
    assert events(body("connection.update", {"state": "dreaming"})) == []


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_qr_code_comes_without_the_data_prefix(wrapped: bool) -> None:
    qr = {"instance": "acme", "pairingCode": "WZYEH1YY", "code": "2@abc", "base64": "data:image/png;base64,iVBOR"}
    code = only(body("qrcode.updated", {"qrcode": qr} if wrapped else qr))
    assert code == PairingCodeIssued(text="2@abc", png_base64="iVBOR", pairing_code="WZYEH1YY", valid_seconds=45)


def test_an_empty_qr_notice_gives_no_event() -> None:
    assert events(body("qrcode.updated", {"count": 0})) == []


def test_events_about_the_connection_are_handled_in_order() -> None:
    names = ["connection.update", "qrcode.updated", "logout.instance", "instance.delete"]
    assert {part.key for name in names for part in parts(body(name, {"state": "open"}))} == {"connection"}


def test_an_array_gives_one_part_per_message() -> None:
    other = "5511911112222@s.whatsapp.net"
    data = [message({"conversation": "a"}), message({"conversation": "b"}, {"remoteJid": other}), "junk", None]
    assert [part.key for part in parts(body("messages.upsert", data))] == [MARIA, other]


def test_credentials_are_taken_out() -> None:
    (part,) = parts(body("messages.upsert", message({"conversation": "a"}), api_key="GLOBAL"))
    assert part.payload.keys() == {"event", "instance", "data", "date_time", "sender", "server_url"}


@pytest.mark.parametrize("event", ["presence.update", "CONTACTS_UPSERT", "chats.set", "call", "labels.edit", "error"])
def test_ignored_events_are_not_worth_a_line(event: str, caplog: pytest.LogCaptureFixture) -> None:
    assert parts(body(event, {"id": MARIA})) == []
    assert caplog.records == []


def test_unknown_events_are_logged_by_name_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert parts(body("tea.ready", {"secret": "leaf"})) == []
    (record,) = caplog.records
    assert vars(record)["event_name"] == "TEA_READY"
    assert "leaf" not in repr(vars(record))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b'{"data":{}}',
        b'{"event":5}',
        b'{"event":" "}',
        b'{"event":"messages.upsert","data":NaN}',
        b'{"event":"messages.upsert","data":1e999}',
        b'{"event":"messages.upsert","data":' + b"9" * 5000 + b"}",
        b'{"event":"messages.upsert","data":' + b"[" * 100_000,
        b'{"event":"messages.upsert","data":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)
def test_what_is_no_event_is_refused(raw: bytes) -> None:
    with pytest.raises(PayloadInvalid):
        webhook_module.accept(webhook(raw))


ENDLESS = "9" * 5000 + "@s.whatsapp.net"


@pytest.mark.parametrize(
    "key",
    [{"id": None}, {"id": 5}, {"remoteJid": None}, {"remoteJid": "  "}, {"remoteJid": ENDLESS, "id": ENDLESS}],
    ids=["no id", "odd id", "no chat", "blank chat", "endless"],
)
def test_a_message_without_id_or_chat_is_reported(key: dict[str, Any]) -> None:
    (part,) = parts(body("messages.upsert", message({"conversation": "a"}, key)))
    assert len(part.key) <= 128
    with pytest.raises(PayloadInvalid):
        inbound.parse(part.payload)


@pytest.mark.parametrize("payload", [None, [], "x", 5, {}, {"event": None}])
def test_a_payload_that_accept_never_made_is_refused(payload: object) -> None:
    with pytest.raises(PayloadInvalid):
        inbound.parse(payload)


def test_half_an_emoji_in_a_name_becomes_a_replacement_character() -> None:
    raw = b'{"event":"messages.upsert","data":{"key":{"remoteJid":"5511988887777@s.whatsapp.net","id":"A"},'
    raw += b'"pushName":"Ana \\ud83d","message":{"conversation":"\\ud83d\\ude00"}}}'
    (part,) = webhook_module.accept(webhook(raw))
    assert part.payload["data"]["pushName"] == "Ana \ufffd"
    assert part.payload["data"]["message"]["conversation"] == "😀"
