"""Sending over the account's own connection, which this process must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.channel.outbound import Sent
from shared.channelkit import jid
from shared.channelkit.attachments import as_links, each_with_caption, in_words, joined
from shared.channelkit.files import content_of
from shared.channelkit.rendering import apply_markup
from shared.channels.whatsapp_web import contents
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.connection import line_of
from shared.channels.whatsapp_web.gateway import PROVIDER, Line
from shared.channels.whatsapp_web.message_secrets import secret_for
from shared.channels.whatsapp_web.quotes import quotation
from shared.deps import Deps
from shared.documents.provider_messages import author_of
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import Attachment
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable

_NOT_CONNECTED = "the account is not connected: connect the channel and scan its code with the phone"


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """A message for each attachment; a text that the first cannot carry follows it."""
    is_captioned = not payload.attachments or payload.attachments[0].type not in contents.WITHOUT_CAPTION
    return each_with_caption(payload, carries_text=is_captioned)


def send(deps: Deps, instance: Instance, config: WhatsAppWebConfig, payload: OutboxPayload) -> Sent:
    """Send a reaction, a poll, an attachment with its text, or the text. A file that is not to be had goes as its link.

    Raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`.
    """
    if not payload.to:
        raise ProviderRejected(PROVIDER, "the conversation has no WhatsApp address")
    line = line_for(deps, instance)
    payload = apply_markup("whatsapp", payload)
    quote = quotation(deps, instance, payload, line.own)
    if payload.reaction is not None:
        author = author_of(UnitOfWork(deps.store), instance, payload.reaction.external_message_id)
        return _send(line, payload, contents.reaction(payload, payload.reaction, author))
    if payload.poll is not None:
        return _send(line, payload, contents.poll(payload.poll, quote))
    if not payload.attachments:
        return _send(line, payload, contents.text(payload.text, quote))
    attachment = payload.attachments[0]
    if (message := contents.without_file(attachment, quote)) is not None:
        return _send(line, payload, message)
    file = _file(deps, instance, payload, attachment, quote)
    if file is None:
        text = contents.text(joined([payload.text, in_words(attachment)]), quote)
        return replace(_send(line, payload, text), note=as_links([attachment]))
    message, content = file
    return _send(line, payload, message, content)


def line_for(deps: Deps, instance: Instance) -> Line:
    """The account's line; raises `ProviderUnavailable` where this process holds none."""
    line = line_of(deps, instance.id)
    if line is None:
        raise ProviderUnavailable(PROVIDER, _NOT_CONNECTED)
    return line


def _file(
    deps: Deps, instance: Instance, payload: OutboxPayload, attachment: Attachment, quote: Mapping[str, Any]
) -> tuple[dict[str, Any], bytes] | None:
    """The message that describes the file, and its content; None for one that goes as a link."""
    if attachment.type not in contents.FILES or not attachment.has_content:
        return None
    try:
        file = content_of(deps, instance, attachment)
    except ProviderRejected:
        if attachment.url is None:
            raise
        return None
    return contents.file(payload.text, attachment, file, quote), file.content


def _send(line: Line, payload: OutboxPayload, message: Mapping[str, Any], content: bytes | None = None) -> Sent:
    to = jid.bare(payload.to)
    if payload.reaction is None:
        message = {**message, "messageContextInfo": {"messageSecret": secret_for(payload.message_id)}}
    posted = line.send(to, message, content)
    chat = posted.chat or to
    # A person's hidden id in place of their number is no new address: the number is the one that people know.
    moved = chat != to and jid.is_phone(chat)
    return Sent(external_message_id=posted.message_id, external_conversation_id=chat if moved else None)
