"""Mails and their files, from the bucket into which Amazon SES puts what it receives."""

from __future__ import annotations

from typing import Any

from shared.channel import MAX_MEDIA, Media
from shared.channelkit import aws
from shared.channels.email_ses import mime
from shared.channels.email_ses.config import PROVIDER, EmailConfig
from shared.channels.email_ses.notifications import read_received
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound, PayloadInvalid, ProviderRejected

MAX_MAIL = 40 * 1024 * 1024
"""Bytes of a mail; Amazon SES receives no larger one."""


def complete(deps: Deps, instance: Instance, config: EmailConfig, payload: Any) -> Any:
    """Fetch a received mail that the notification only refers to, which is how larger ones arrive.

    Raises `PayloadInvalid` for one in a bucket that is not the channel's.
    """
    if not isinstance(payload, dict) or payload.get("notificationType") != "Received" or payload.get("content"):
        return payload
    try:
        action = read_received(payload).receipt.action
    except PayloadInvalid:
        return payload  # reading it says so, where it is reported
    if action.type != "S3" or not action.bucketName or not action.objectKey:
        return payload
    return {**payload, "mime": _object(deps, config, action.bucketName, action.objectKey)}


def fetch_media(deps: Deps, instance: Instance, config: EmailConfig, message: Message, attachment: Attachment) -> Media:
    """The content of one part of a mail. Raises `NotFound` for a mail that came without a bucket."""
    bucket, key, number = (attachment.extra.get(name) for name in ("bucket", "key", "part"))
    if not isinstance(bucket, str) or not isinstance(key, str) or not isinstance(number, int):
        raise NotFound("this file came inside the notification and was not kept: use the S3 action")
    content = mime.file_content(mime.read(_object(deps, config, bucket, key)), number)
    if content is None:
        raise NotFound("there is no such file in the mail")
    if len(content) > MAX_MEDIA:
        raise ProviderRejected(PROVIDER, "the file is too large")
    return Media(content=content, mime_type=attachment.mime_type, file_name=attachment.file_name)


def _object(deps: Deps, config: EmailConfig, bucket: str, key: str) -> bytes:
    if not config.may_read(bucket):
        raise PayloadInvalid(f"{PROVIDER}: the mail is in {bucket[:63]!r}: set config.bucket to read from that bucket")
    client = aws.client(deps, "s3", config)
    found = aws.call(PROVIDER, lambda: client.get_object(Bucket=bucket, Key=key))
    if found["ContentLength"] > MAX_MAIL:
        raise ProviderRejected(PROVIDER, "the mail is too large")
    return aws.call(PROVIDER, lambda: bytes(found["Body"].read()))
