"""Making mails come to us, and seeing that we may send."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

from shared.channel import Answer, Connection, Webhook
from shared.channelkit import aws, sns
from shared.channels.email_ses.config import PROVIDER, EmailConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

# A topic with more subscriptions than these pages hold is not looked through.
_MOST_PAGES = 10


def connect(deps: Deps, instance: Instance, config: EmailConfig) -> Connection:
    """See that the address may send, and subscribe to the topics where `PUBLIC_URL` is set.

    Amazon then asks for a confirmation, which `answer` gives.
    """
    probe(deps, instance, config)
    if not deps.settings.public_url or not config.topic_arns:
        return Connection(status=InstanceStatus.CONNECTED, display_name=config.address, detail=_missing(deps, config))
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else secrets.token_urlsafe(32)
    address = _endpoint(deps, instance)
    client = aws.client(deps, "sns", config)
    for topic in config.topic_arns:
        _subscribe(client, topic, f"{address}?token={quote(secret)}")
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=address,
        display_name=config.address,
        secrets={"webhook_secret": secret},
    )


def _missing(deps: Deps, config: EmailConfig) -> str | None:
    if not config.topic_arns:
        return "mails can be sent; to receive them give config.topicArns"
    return None if deps.settings.public_url else "mails can be sent; to receive them set PUBLIC_URL"


def _endpoint(deps: Deps, instance: Instance) -> str:
    return f"{deps.settings.public_url}/webhook/email/{instance.id}"


def _subscribe(client: Any, topic: str, endpoint: str) -> None:
    scheme = endpoint.partition(":")[0]
    aws.call(
        PROVIDER,
        lambda: client.subscribe(TopicArn=topic, Protocol=scheme, Endpoint=endpoint, ReturnSubscriptionArn=True),
    )


def probe(deps: Deps, instance: Instance, config: EmailConfig) -> None:
    """Ask Amazon whether the address, or else its domain, is verified for sending."""
    client = aws.client(deps, "sesv2", config)
    if not any(_may_send(client, identity) for identity in (config.address, config.domain)):
        raise ProviderRejected(PROVIDER, f"neither {config.address} nor {config.domain} is verified in Amazon SES")


def _may_send(client: Any, identity: str) -> bool:
    try:
        found = aws.call(PROVIDER, lambda: client.get_email_identity(EmailIdentity=identity))
    except ProviderRejected as error:
        if "NotFoundException" in error.reason:
            return False
        raise
    return bool(found.get("VerifiedForSendingStatus"))


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
    client = aws.client(deps, "sns", config)
    for topic in config.topic_arns:
        _unsubscribe(client, topic, _endpoint(deps, instance))
    return Connection(status=InstanceStatus.DISCONNECTED, detail="not subscribed: connect the instance")


def remove(deps: Deps, instance: Instance, config: EmailConfig) -> Connection:
    """Take our subscriptions off the topics; address and topics belong to their owner."""
    logout(deps, instance, config)
    return Connection(status=InstanceStatus.DELETED)


def _unsubscribe(client: Any, topic: str, address: str) -> None:
    token: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        page = aws.call(PROVIDER, lambda: client.list_subscriptions_by_topic(TopicArn=topic, **token))  # noqa: B023 - called at once
        for found in page.get("Subscriptions", []):
            ours = str(found.get("Endpoint", "")).partition("?")[0] == address
            if ours and str(found.get("SubscriptionArn", "")).startswith("arn:"):
                arn = found["SubscriptionArn"]
                aws.call(PROVIDER, lambda: client.unsubscribe(SubscriptionArn=arn))  # noqa: B023 - called at once
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def vouch(deps: Deps, instance: Instance, config: EmailConfig, webhook: Webhook) -> None:
    """Amazon's signature over the message, and that header and message name the same topic."""
    given = sns.envelope(webhook)
    sns.check_topic(given, webhook)
    sns.check_signature(deps, given)


def answer(deps: Deps, instance: Instance, config: EmailConfig, webhook: Webhook) -> Answer | None:
    """Confirm a subscription that was asked for; one to another topic was refused before."""
    given = sns.envelope(webhook)
    if given.Type == "SubscriptionConfirmation" and given.TopicArn in config.topic_arns:
        sns.confirm(deps, given)
    return None
