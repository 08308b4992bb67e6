"""Making customers' text messages come to us, and seeing that we may send."""

from __future__ import annotations

from shared.channel.lifecycle import Connection
from shared.channelkit import aws, sns_topics
from shared.channels.sms_sns.config import PROVIDER, SnsSmsConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus

_SILENT = "not subscribed: connect the instance"


def connect(deps: Deps, instance: Instance, config: SnsSmsConfig) -> Connection:
    """See that the credential is good, and subscribe to the topics where `PUBLIC_URL` is set."""
    probe(deps, instance, config)
    if not deps.settings.public_url or not config.topic_arns:
        detail = "texts can be sent; to receive them set PUBLIC_URL and give config.topicArns"
        return Connection(status=InstanceStatus.CONNECTED, phone_number=config.phone_number, detail=detail)
    address, secret = sns_topics.subscribe(deps, instance, config)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=address,
        phone_number=config.phone_number,
        secrets={"webhook_secret": secret},
    )


def probe(deps: Deps, instance: Instance, config: SnsSmsConfig) -> None:
    """Ask Amazon for the account's SMS settings, which only a good credential may see."""
    client = aws.client(deps, "sns", config)
    aws.call(PROVIDER, lambda: client.get_sms_attributes(attributes=["DefaultSMSType"]))


def status(deps: Deps, instance: Instance, config: SnsSmsConfig) -> Connection:
    probe(deps, instance, config)
    if instance.status in (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED):
        return Connection(status=InstanceStatus.DISCONNECTED, detail=_SILENT)
    return Connection(status=InstanceStatus.CONNECTED, phone_number=config.phone_number)


def logout(deps: Deps, instance: Instance, config: SnsSmsConfig) -> Connection:
    """Take our subscriptions off the topics."""
    sns_topics.unsubscribe(deps, instance, config)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_SILENT)


def remove(deps: Deps, instance: Instance, config: SnsSmsConfig) -> Connection:
    """Take our subscriptions off the topics; numbers and topics belong to their owner."""
    sns_topics.unsubscribe(deps, instance, config)
    return Connection(status=InstanceStatus.DELETED)
