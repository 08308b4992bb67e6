"""Sending through Evolution: which of its calls carries what, and what its answer proves."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from shared.channel.outbound import Sent
from shared.channelkit import jid
from shared.channelkit.attachments import as_links, each_with_caption, in_words, joined
from shared.channelkit.files import content_of
from shared.channelkit.rendering import apply_markup
from shared.channelkit.whatsapp.wire import Fields, fields, integer, text
from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.message_keys import key_of
from shared.deps import Deps
from shared.domain.content import Poll
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, phones
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from shared.outgoing import Answer

_MEDIA_TYPES = {MessageKind.IMAGE: "image", MessageKind.VIDEO: "video", MessageKind.DOCUMENT: "document"}
# Evolution fetches the file itself: it refuses addresses that are none (also hosts without a dot), and fails with
# AxiosError when it cannot fetch.
_CANNOT_FETCH = re.compile(r"Owned media must be|AxiosError")
# Graph's codes for "later": unknown, service, application rate, account rate, throughput, pair rate.
_GRAPH_LATER = frozenset({1, 2, 4, 80007, 130429, 131056})
# Evolution fetches and converts a file before it answers.
_MEDIA_TIMEOUT = 45.0

Call = tuple[str, Mapping[str, Any]]


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """A message for each attachment; audio and places carry no text, so it follows such a first one."""
    is_captioned = not payload.attachments or _without_caption(payload, payload.attachments[0]) is None
    return each_with_caption(payload, carries_text=is_captioned)


def send(deps: Deps, instance: Instance, config: EvolutionConfig, payload: OutboxPayload) -> Sent:
    """Send a reaction, an attachment with its text, or the text.

    An attachment that Evolution cannot take or fetch is sent as text with its
    address. Raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`.
    """
    if not payload.to:
        raise ProviderRejected(api.PROVIDER, "the conversation has no WhatsApp address")
    payload = apply_markup("whatsapp", payload)
    if payload.reaction:
        return _send(deps, instance, config, payload, _reaction(deps, instance, payload, payload.reaction))
    if payload.poll:
        return _send(deps, instance, config, payload, _poll(payload, payload.poll))
    if not payload.attachments:
        return _send(deps, instance, config, payload, _text(payload, payload.text))
    attachment = payload.attachments[0]
    source = _source(deps, instance, attachment)
    call = _media(payload, source) or _without_caption(payload, source)
    answer = _post(deps, instance, config, call) if call else None
    if answer is None or _cannot_fetch(answer):
        sent = _send(deps, instance, config, payload, _text(payload, joined([payload.text, in_words(attachment)])))
        return replace(sent, note=as_links([attachment]))
    return _sent(answer, payload)


def _source(deps: Deps, instance: Instance, attachment: Attachment) -> Attachment:
    """The attachment as Evolution takes it: a file that the hub holds is base64 in the place of an address."""
    if attachment.sha256 is None:
        return attachment
    content = base64.b64encode(content_of(deps, instance, attachment).content).decode()
    return attachment.model_copy(update={"url": content, "file_name": attachment.file_name or "file"})


def _send(deps: Deps, instance: Instance, config: EvolutionConfig, payload: OutboxPayload, call: Call) -> Sent:
    return _sent(_post(deps, instance, config, call), payload)


def _post(deps: Deps, instance: Instance, config: EvolutionConfig, call: Call) -> Answer:
    action, body = call
    timeout = 30.0 if action in ("sendText", "sendReaction") else _MEDIA_TIMEOUT
    return api.call(deps, instance, config, "POST", f"message/{action}", json=body, timeout=timeout)


def _cannot_fetch(answer: Answer) -> bool:
    return answer.status in (400, 500) and _CANNOT_FETCH.search(api.text_of(answer)) is not None


def _text(payload: OutboxPayload, message_text: str | None) -> Call:
    if not text(message_text):
        raise ProviderRejected(api.PROVIDER, "there is nothing to send: no text, and no attachment that WhatsApp takes")
    return "sendText", _addressed(payload) | {"text": message_text}


def _addressed(payload: OutboxPayload) -> dict[str, Any]:
    quoted = {"quoted": {"key": {"id": payload.reply_to}}} if payload.reply_to else {}
    return {"number": number_of(payload.to), **quoted}


def number_of(address: str) -> str:
    """What Evolution calls `number`: digits for phones, the whole address for groups and hidden ids."""
    return jid.bare(address).removesuffix(jid.PHONE)


def _media(payload: OutboxPayload, attachment: Attachment) -> Call | None:
    mediatype = _MEDIA_TYPES.get(attachment.type)
    if mediatype is None or not attachment.url:
        return None
    body = _addressed(payload) | {"mediatype": mediatype, "media": attachment.url}
    if text(payload.text):
        body["caption"] = payload.text
    if attachment.mime_type:
        body["mimetype"] = attachment.mime_type
    if file_name := attachment.file_name or (_last_segment(attachment.url) if mediatype == "document" else None):
        body["fileName"] = file_name
    return "sendMedia", body


def _last_segment(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2]) or "file"


def _without_caption(payload: OutboxPayload, attachment: Attachment) -> Call | None:
    if attachment.type is MessageKind.AUDIO and attachment.has_content:
        return "sendWhatsAppAudio", _addressed(payload) | {"audio": attachment.url}
    if attachment.type is MessageKind.LOCATION and attachment.latitude is not None and attachment.longitude is not None:
        place = {
            "latitude": attachment.latitude,
            "longitude": attachment.longitude,
            # Evolution requires both, WhatsApp shows them under the map.
            "name": attachment.name or attachment.address or "-",
            "address": attachment.address or attachment.name or "-",
        }
        return "sendLocation", _addressed(payload) | place
    if attachment.type is MessageKind.STICKER and attachment.url:
        return "sendSticker", _addressed(payload) | {"sticker": attachment.url}
    if attachment.type is MessageKind.CONTACT and (contact := _contact(attachment)):
        return "sendContact", _addressed(payload) | {"contact": [contact]}
    return None


def _poll(payload: OutboxPayload, poll: Poll) -> Call:
    most = len(poll.options) if poll.multiple else 1
    question = {"name": poll.question, "selectableCount": most, "values": poll.options}
    return "sendPoll", _addressed(payload) | question


def _contact(attachment: Attachment) -> dict[str, str] | None:
    """A card with the first number; without one there is none."""
    number = next(iter(phones(attachment)), None)
    if number is None:
        return None
    digits = "".join(filter(str.isdecimal, number))
    return {"fullName": attachment.name or number, "wuid": digits, "phoneNumber": number}


def _reaction(deps: Deps, instance: Instance, payload: OutboxPayload, reaction: ReactionTo) -> Call:
    key = key_of(deps, instance, payload, reaction.external_message_id, from_me=reaction.from_me)
    return "sendReaction", {"key": key, "reaction": reaction.emoji}


def _sent(answer: Answer, payload: OutboxPayload) -> Sent:
    """Only `key.id` proves that Evolution took the message: some failures are answered with 200 or 201."""
    if not answer.ok:
        raise api.failure(answer)
    body = fields(answer.json())
    key = fields(body.get("key"))
    identifier = text(key.get("id"))
    if identifier is None:
        raise _no_success(body)
    remote = jid.bare(text(key.get("remoteJid")) or payload.to)
    moved = jid.bare(payload.to) != remote
    return Sent(external_message_id=identifier, external_conversation_id=remote if moved else None)


def _no_success(body: Fields) -> ProviderError:
    graph = fields(body.get("error")) or body
    reason = (text(graph.get("message")) or "no reason given")[:300]
    code = integer(graph.get("code"))
    if body.get("error") is True or code in _GRAPH_LATER:
        return ProviderUnavailable(api.PROVIDER, f"the message was not sent: {reason}")
    if code is not None or text(graph.get("message")):
        return ProviderRejected(api.PROVIDER, f"Meta refused the message: {reason} (code {code})")
    return OutcomeUnknown(api.PROVIDER, "answered success without a message id")
