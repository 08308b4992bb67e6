"""Sending a mail through Amazon SES v2.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate
from typing import Any

from shared.channel.media import MAX_MEDIA, Media
from shared.channel.outbound import Sent
from shared.channelkit import aws
from shared.channelkit.attachments import as_links, in_words, joined
from shared.channelkit.files import content_of
from shared.channelkit.rendering import apply_markup
from shared.channels.email_ses import headers, threads
from shared.channels.email_ses.config import PROVIDER, EmailConfig
from shared.channels.email_ses.notifications import MESSAGE_TAG
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable


def send(deps: Deps, instance: Instance, config: EmailConfig, payload: OutboxPayload) -> Sent:
    """Send the text with its files as one mail; `external_message_id` is Amazon's id, which its notifications name.

    Files that a mail has no room for go as links, places in words.
    Raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`.
    """
    if payload.reaction:
        raise ProviderRejected(PROVIDER, "a mail carries no reactions")
    to = _recipient(payload)
    files, others = _files(deps, instance, payload.attachments)
    text = joined([payload.text, *map(in_words, others)])
    mail = _mail(config, payload.model_copy(update={"text": text}), to)
    for attachment, media in files:
        _attach(mail, attachment, media)
    cc = _cc(config, payload)
    if cc:
        mail["Cc"] = ", ".join(cc)
    destination = {"ToAddresses": [to], "CcAddresses": cc}
    content = mail.as_bytes(policy=SMTP)
    client = aws.client(deps, "sesv2", config)
    parameters: dict[str, Any] = {"Destination": destination, "Content": {"Raw": {"Data": content}}}
    if payload.message_id:
        parameters["EmailTags"] = [{"Name": MESSAGE_TAG, "Value": payload.message_id}]
    if config.configuration_set:
        parameters["ConfigurationSetName"] = config.configuration_set
    answer = aws.call(PROVIDER, lambda: client.send_email(FromEmailAddress=config.address, **parameters))
    return Sent(external_message_id=str(answer["MessageId"]), note=as_links(others))


def _recipient(payload: OutboxPayload) -> str:
    to = str(payload.context.get("to") or payload.external_user_id or payload.to)
    if not headers.is_address(to):
        raise ProviderRejected(PROVIDER, "the customer has no e-mail address that can be written to")
    return to


def _cc(config: EmailConfig, payload: OutboxPayload) -> list[str]:
    """Who else is to read the answer."""
    if not config.answer_cc:
        return []
    return [address for address in _texts(payload.context.get("cc")) if headers.is_address(address)]


def _mail(config: EmailConfig, payload: OutboxPayload, to: str) -> EmailMessage:
    thread = str(payload.context.get("thread") or threads.DIRECT)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((_one_line(config.name or ""), config.address))
    mail["To"] = to
    mail["Subject"] = _subject(config, payload)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{payload.message_id or 'mail'}.{thread}@{config.domain}>"
    _thread_headers(mail, config, payload, thread, to)
    if config.reply_domain and config.thread_key:
        mail["Reply-To"] = threads.reply_address(thread, config.reply_domain, config.thread_key)
    if payload.automatic:
        # RFC 3834: other machines must not answer this one.
        mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(payload.text or "")
    if payload.spans:
        mail.add_alternative(apply_markup("html", payload).text or "", subtype="html")
    return mail


def _thread_headers(mail: EmailMessage, config: EmailConfig, payload: OutboxPayload, thread: str, to: str) -> None:
    before = [
        reference for reference in _texts(payload.context.get("references")) if threads.ids(reference) == [reference]
    ]
    parent = str(payload.context.get("message_id") or "")
    own = threads.reference(thread, config.domain, config.thread_key, to)
    mail["References"] = " ".join(dict.fromkeys([own, *before[-threads.MOST_REFERENCES :]]))
    if threads.ids(parent) == [parent]:
        mail["In-Reply-To"] = parent


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _subject(config: EmailConfig, payload: OutboxPayload) -> str:
    subject = _one_line(str(payload.context.get("subject") or ""))
    if not subject:
        return _one_line(config.subject)
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _files(
    deps: Deps, instance: Instance, attachments: list[Attachment]
) -> tuple[list[tuple[Attachment, Media]], list[Attachment]]:
    """The files that the mail carries, and what it can only tell in words."""
    files: list[tuple[Attachment, Media]] = []
    others: list[Attachment] = []
    room = MAX_MEDIA
    for attachment in attachments:
        media = _fetch(deps, instance, attachment, room) if attachment.has_content else None
        if media is None:
            others.append(attachment)
        else:
            files.append((attachment, media))
            room -= len(media.content)
    return files, others


def _fetch(deps: Deps, instance: Instance, attachment: Attachment, room: int) -> Media | None:
    """The file; None for one of more than `room` bytes, and for one that did not come whole."""
    try:
        media = content_of(deps, instance, attachment)
    except (ProviderRejected, ProviderUnavailable):
        raise
    except ProviderError:
        return None
    return media if len(media.content) <= room else None


def _attach(mail: EmailMessage, attachment: Attachment, media: Media) -> None:
    main, _, sub = _mime_type(attachment.mime_type or (media.mime_type or "").partition(";")[0].strip()).partition("/")
    name = _one_line(attachment.file_name or media.file_name or f"{attachment.type.value}")
    mail.add_attachment(media.content, maintype=main, subtype=sub, filename=name)


def _mime_type(mime_type: str) -> str:
    """What somebody calls a file, as far as it can be written into a mail; texts go as they are, uninterpreted."""
    usable = re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,100}", mime_type)
    return (
        mime_type
        if usable and not mime_type.startswith(("text/", "multipart/", "message/"))
        else "application/octet-stream"
    )
