"""Sending text messages through Amazon SNS.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

from shared.channel.outbound import Sent
from shared.channelkit import aws
from shared.channelkit.attachments import as_links, in_words, joined
from shared.channels.sms_sns.config import PROVIDER, SnsSmsConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected


def send(deps: Deps, instance: Instance, config: SnsSmsConfig, payload: OutboxPayload) -> Sent:
    """Send one text; files go along as links, places in words.

    Raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`.
    """
    text = joined([payload.text, *map(in_words, payload.attachments)])
    if payload.reaction or not text:
        raise ProviderRejected(PROVIDER, "a text message carries text only")
    client = aws.client(deps, "sns", config)
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in _attributes(config).items()}
    sent = aws.call(
        PROVIDER, lambda: client.publish(PhoneNumber=payload.to, Message=text, MessageAttributes=attributes)
    )
    return Sent(external_message_id=str(sent["MessageId"]), note=as_links(payload.attachments))


def _attributes(config: SnsSmsConfig) -> dict[str, str]:
    chosen = {"AWS.SNS.SMS.SMSType": "Transactional"}
    if config.phone_number:
        chosen["AWS.MM.SMS.OriginationNumber"] = config.phone_number
    if config.sender_id:
        chosen["AWS.SNS.SMS.SenderID"] = config.sender_id
    return chosen
