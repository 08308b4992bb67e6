"""Sending through the channel to the stub that plays Telegram."""

from __future__ import annotations

from functools import partial
from typing import Any

from shared.channel.outbound import Sent
from shared.channels.telegram_bot import outbound
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import OutboxPayload
from tests.channels.parts import send_parts
from tests.stubs import Reply, Stub

TOKEN = "123456:AAH-secret_token"
CHAT = "5550001"
PHOTO = Attachment(type=MessageKind.IMAGE, url="https://cdn.example.com/a.jpg", mime_type="image/jpeg")


def sent(number: int = 77, chat: int = 5550001) -> Reply:
    message = {"message_id": number, "date": 1760000000, "chat": {"id": chat, "type": "private"}}
    return Reply(json={"ok": True, "result": message})


def refused(code: int, description: str, **parameters: int) -> Reply:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return Reply(code, body | ({"parameters": parameters} if parameters else {}))


def config(**more: Any) -> TelegramBotConfig:
    return TelegramBotConfig.model_validate({"botToken": TOKEN} | more)


def send(deps: Deps, instance: Instance, payload: OutboxPayload, **more: Any) -> Sent:
    return send_parts(outbound, payload, partial(outbound.send, deps, instance, config(**more)))


def to_chat(text: str | None = None, *attachments: Attachment, **more: Any) -> OutboxPayload:
    return OutboxPayload(external_conversation_id=CHAT, text=text, attachments=list(attachments), **more)


def calls(provider: Stub) -> list[tuple[str, Any]]:
    return [(request.path.rsplit("/", 1)[1], request.json) for request in provider.requests]
