"""Making mails come to us, and seeing that we may send."""

from __future__ import annotations

from typing import Any

from shared.channel.lifecycle import Connection
from shared.channelkit import aws, sns_topics
from shared.channelkit.reachable import only_sends
from shared.channels.email_ses.config import PROVIDER, EmailConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected


def connect(deps: Deps, instance: Instance, config: EmailConfig) -> Connection:
    """See that the address may send, and subscribe to the topics where `PUBLIC_URL` is set.

    Amazon then asks for a confirmation, which `answer` gives.
    """
    probe(deps, instance, config)
    if not deps.settings.public_url or not config.topic_arns:
        return Connection(status=InstanceStatus.CONNECTED, display_name=config.address, detail=_missing(deps, config))
    address, secret = sns_topics.subscribe(deps, instance, config)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=address,
        display_name=config.address,
        secrets={"webhook_secret": secret},
    )


def _missing(deps: Deps, config: EmailConfig) -> str | None:
    if not config.topic_arns:
        return "mails can be sent; to receive them give config.topicArns"
    return only_sends(deps.settings, "mails")


def probe(deps: Deps, instance: Instance, config: EmailConfig) -> None:
    """Ask Amazon whether the address, or else its domain, is verified for sending."""
    client = aws.client(deps, "sesv2", config)
    if not any(_may_send(client, identity) for identity in (config.address, config.domain)):
        raise ProviderRejected(PROVIDER, f"neither {config.address} nor {config.domain} is verified in Amazon SES")


def _may_send(client: Any, identity: str) -> bool:
    try:
        answer = aws.call(PROVIDER, lambda: client.get_email_identity(EmailIdentity=identity))
    except ProviderRejected as error:
        if "NotFoundException" in error.reason:
            return False
        raise
    return bool(answer.get("VerifiedForSendingStatus"))


def status(deps: Deps, instance: Instance, config: EmailConfig) -> Connection:
    try:
        probe(deps, instance, config)
    except ProviderRejected as error:
        return Connection(status=InstanceStatus.ERROR, display_name=config.address, detail=error.reason)
    if instance.status in (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED):
        return Connection(status=InstanceStatus.DISCONNECTED, detail="not subscribed: connect the instance")
    return Connection(status=InstanceStatus.CONNECTED, display_name=config.address, detail=_missing(deps, config))


def logout(deps: Deps, instance: Instance, config: EmailConfig) -> Connection:
    """Take our subscriptions off the topics."""
    sns_topics.unsubscribe(deps, instance, config)
    return Connection(status=InstanceStatus.DISCONNECTED, detail="not subscribed: connect the instance")


def remove(deps: Deps, instance: Instance, config: EmailConfig) -> Connection:
    """Take our subscriptions off the topics; address and topics belong to their owner."""
    logout(deps, instance, config)
    return Connection(status=InstanceStatus.DELETED)
