"""What Evolution says about the connection to WhatsApp."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from shared.channelkit import jid
from shared.channelkit.whatsapp.wire import Fields, fields, integer, text
from shared.domain.inbound import ChannelEvent, ConnectionChanged, PairingCodeIssued
from shared.domain.instances import InstanceStatus

log = logging.getLogger(__name__)

STATES: Mapping[str, InstanceStatus] = {
    "open": InstanceStatus.CONNECTED,
    "connecting": InstanceStatus.CONNECTING,
    "close": InstanceStatus.DISCONNECTED,
    "closed": InstanceStatus.DISCONNECTED,
    "removed": InstanceStatus.DISCONNECTED,
    "refused": InstanceStatus.DISCONNECTED,
}
LOGGED_OUT = "logged out"
"""How the detail of a logged-out instance's state begins."""

_REASONS: Mapping[int, str] = {
    401: LOGGED_OUT,
    402: "the account is temporarily banned",
    403: "the account is banned",
    406: "the account is blocked",
    428: "the QR limit was reached without a scan",
}
_QR_SECONDS = 45


def state_changed(data: Fields, payload: Fields) -> list[ChannelEvent]:
    """`connection.update` says `state` and `statusReason`, `status.instance` other words for the same."""
    state = (text(data.get("state")) or text(data.get("status")) or "").lower()
    status = STATES.get(state)
    if status is None:
        log.warning("ignored an unknown connection state", extra={"state": state[:60]})
        return []
    if status is InstanceStatus.CONNECTED:
        return [_connected(data)]
    return [ConnectionChanged(status=status, detail=_detail(state, data))]


def _connected(data: Fields) -> ConnectionChanged:
    own = text(data.get("wuid"))
    return ConnectionChanged(
        status=InstanceStatus.CONNECTED,
        phone_number=jid.phone(own) if own else None,
        display_name=text(data.get("profileName")),
    )


def _detail(state: str, data: Fields) -> str | None:
    if state == "connecting":
        return None
    reason = integer(data.get("statusReason")) or integer(data.get("disconnectionReasonCode"))
    if state == "refused":
        reason = reason or 428
    return reason_of(reason) if reason else state


def reason_of(code: int) -> str:
    """What WhatsApp's code for the end of a connection means."""
    return f"{_REASONS.get(code, 'closed')} ({code})"


def qr_issued(data: Fields, payload: Fields) -> list[ChannelEvent]:
    """A code to scan, renewed every 45 s, or the notice that nobody scanned any."""
    qr = fields(data.get("qrcode")) or data
    code, png = text(qr.get("code")), png_of(qr.get("base64"))
    pairing_code = text(qr.get("pairingCode"))
    if code or png or pairing_code:
        issued = PairingCodeIssued(text=code, png_base64=png, pairing_code=pairing_code, valid_seconds=_QR_SECONDS)
        return [issued]
    if notice := text(data.get("message")):
        return [ConnectionChanged(status=InstanceStatus.DISCONNECTED, detail=notice[:200])]
    return []


def png_of(value: object) -> str | None:
    """The picture as base64, without the data-URI prefix that Evolution puts before it."""
    picture = text(value)
    return picture.rpartition("base64,")[2] if picture else None


def logged_out(data: Fields, payload: Fields) -> list[ChannelEvent]:
    return [ConnectionChanged(status=InstanceStatus.DISCONNECTED, detail=LOGGED_OUT)]


def removed(data: Fields, payload: Fields) -> list[ChannelEvent]:
    return [ConnectionChanged(status=InstanceStatus.DISCONNECTED, detail="removed at Evolution")]


def deleted(data: Fields, payload: Fields) -> list[ChannelEvent]:
    return [ConnectionChanged(status=InstanceStatus.DELETED, detail="deleted at Evolution")]
