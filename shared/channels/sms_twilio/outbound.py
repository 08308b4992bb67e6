"""From the normal form to Twilio's Messages resource.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

from shared.channel.outbound import Sent
from shared.channelkit.attachments import as_links, in_words, joined
from shared.channelkit.twilio import PROVIDER, call, result
from shared.channels.sms_twilio.config import SmsConfig
from shared.channels.sms_twilio.inbound import MOST_MEDIA
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected

Form = dict[str, str | list[str]]


def send(deps: Deps, instance: Instance, config: SmsConfig, payload: OutboxPayload) -> Sent:
    """Send text and up to ten files in one message, further ones as links.

    Twilio tells at our status address what becomes of it.
    """
    text, files, others = content_of(payload)
    if payload.reaction or not (text or files):
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    form: Form = {"To": recipient(payload), **_origin(instance, config, payload)}
    if text:
        form["Body"] = text
    if files:
        form["MediaUrl"] = files
    if deps.settings.public_url:
        form["StatusCallback"] = f"{webhook_url(deps.settings.public_url, instance)}/status"
    sid = result(call(deps, config, "POST", f"{config.account_path}/Messages.json", form=form)).get("sid")
    return Sent(external_message_id=sid if isinstance(sid, str) else None, note=as_links(others))


def recipient(payload: OutboxPayload) -> str:
    return _text(payload.context.get("to")) or payload.to


def content_of(payload: OutboxPayload) -> tuple[str, list[str], list[Attachment]]:
    """The text, the addresses of the files beside it, and the attachments that the text only tells of."""
    files, others = _files(payload.attachments)
    return joined([payload.text, *map(in_words, others)]), files, others


def webhook_url(public_url: str, instance: Instance) -> str:
    return f"{public_url}/webhook/sms/{instance.id}"


def _origin(instance: Instance, config: SmsConfig, payload: OutboxPayload) -> Form:
    """Who sends: whom the customer wrote to, else what the channel has."""
    if written_to := _text(payload.context.get("from")):
        return {"From": written_to}
    if config.messaging_service_sid:
        return {"MessagingServiceSid": config.messaging_service_sid}
    if number := config.phone_number or instance.phone_number:
        return {"From": number}
    raise ProviderRejected(PROVIDER, "there is no sender: give phone_number or messaging_service_sid")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _files(attachments: list[Attachment]) -> tuple[list[str], list[Attachment]]:
    """The addresses of the files that a message carries, and what it can only tell in words."""
    carried = [attachment for attachment in attachments if attachment.url][:MOST_MEDIA]
    others = [attachment for attachment in attachments if attachment not in carried]
    return [attachment.url for attachment in carried if attachment.url], others
