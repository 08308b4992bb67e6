"""The bucket into which Amazon SES puts the mails that it receives."""

from __future__ import annotations

from shared.channelkit import aws
from shared.channels.email_ses.config import PROVIDER, EmailConfig
from shared.deps import Deps
from shared.errors import PayloadInvalid, ProviderRejected

MAX_MAIL = 40 * 1024 * 1024
"""Bytes of a mail; Amazon SES receives no larger one."""


def read_object(deps: Deps, config: EmailConfig, bucket: str, key: str) -> bytes:
    if not config.may_read(bucket):
        raise PayloadInvalid(f"{PROVIDER}: the mail is in {bucket[:63]!r}: set config.bucket to read from that bucket")
    client = aws.client(deps, "s3", config)
    answer = aws.call(PROVIDER, lambda: client.get_object(Bucket=bucket, Key=key))
    if answer["ContentLength"] > MAX_MAIL:
        raise ProviderRejected(PROVIDER, "the mail is too large")
    return aws.call(PROVIDER, lambda: bytes(answer["Body"].read()))
