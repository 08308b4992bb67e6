"""Mails and their files, from the bucket into which Amazon SES puts what it receives."""

from __future__ import annotations

from shared.channel.media import MAX_MEDIA, Media
from shared.channels.email_ses import parts
from shared.channels.email_ses.config import PROVIDER, EmailConfig
from shared.channels.email_ses.mailbox import read_object
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound, ProviderRejected


def fetch_media(deps: Deps, instance: Instance, config: EmailConfig, message: Message, attachment: Attachment) -> Media:
    """The content of one part of a mail. Raises `NotFound` for a mail that came without a bucket."""
    bucket, key, number = (attachment.extra.get(name) for name in ("bucket", "key", "part"))
    if not isinstance(bucket, str) or not isinstance(key, str) or not isinstance(number, int):
        raise NotFound("this file came inside the notification and was not kept: use the S3 action")
    content = parts.file_content(parts.read(read_object(deps, config, bucket, key)), number)
    if content is None:
        raise NotFound("there is no such file in the mail")
    if len(content) > MAX_MEDIA:
        raise ProviderRejected(PROVIDER, "the file is too large")
    return Media(content=content, mime_type=attachment.mime_type, file_name=attachment.file_name)
