"""The connections of accounts that this process holds, and how a message gets to the process that holds another one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from shared.channel.connection import Listener, OpenConnection, Position, SessionEnded
from shared.channelkit import jid
from shared.channelkit.held_lines import HeldLines, LineConnections
from shared.channelkit.whatsapp.messages import key_of
from shared.channelkit.whatsapp.wire import fields, text
from shared.channels.whatsapp_web.config import WhatsAppWebConfig, WhatsAppWebSettings
from shared.channels.whatsapp_web.gateway import PROVIDER, Gateway, Line, Session, gateway
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance

_lines: HeldLines[Line] = HeldLines()
hold, drop, line_of, is_held_elsewhere = _lines.hold, _lines.drop, _lines.line_of, _lines.is_held_elsewhere
have_typing_shown = _lines.have_typing_shown


def capacity(settings: Settings) -> int:
    """Each account is a process of its own, so that memory decides."""
    return settings.of(WhatsAppWebSettings).whatsapp_accounts


def connections(deps: Deps) -> WhatsAppConnections | None:
    """None in a process that starts no workers."""
    way = gateway(deps)
    return WhatsAppConnections(deps, way) if way is not None else None


class WhatsAppConnections(LineConnections[Line]):
    """Accounts that were paired by a code: messages are received and sent over their connections."""

    def __init__(self, deps: Deps, way: Gateway) -> None:
        super().__init__(deps, _lines, way)
        self._gateway = way

    def open(
        self,
        instance: Instance,
        credentials: Mapping[str, str],
        position: Position | None,
        listener: Listener,
        epoch: int,
    ) -> OpenConnection:
        try:
            key = base64.b64decode(credentials["key"], validate=True)
            session = Session(
                id=credentials["session"],
                key=key,
                epoch=epoch,
                phone=credentials.get("phone"),
                is_online=instance.config.get("online") is True,
            )
        except (KeyError, binascii.Error):
            raise SessionEnded(PROVIDER, "the session's key is lost; pair the account again") from None
        return self._gateway.listen(session, listener)

    def is_relevant(self, instance: Instance, config: WhatsAppWebConfig, update: Mapping[str, Any]) -> bool:
        return config.groups is not False or not _is_of_group(update)


def _is_of_group(update: Mapping[str, Any]) -> bool:
    chat = text(key_of(fields(update.get("data"))).get("remoteJid"))
    return chat is not None and jid.is_group(chat)
