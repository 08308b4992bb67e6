"""Channels that Amazon tells over SNS topics: who may tell, and subscribing to the telling."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr

from shared.channel.webhook import Webhook, WebhookResponse
from shared.channelkit import aws, sns
from shared.channelkit.signatures import same_secret
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import SignatureInvalid

# A topic with more subscriptions than these pages hold is not looked through.
_MOST_PAGES = 10


class TopicsConfig(aws.AwsConfig):
    """`topic_arns` are the topics whose notifications are taken: anybody's own carry a signature of Amazon's too."""

    topic_arns: list[str] = Field(default_factory=list, max_length=10)
    webhook_secret: SecretStr | None = None


def verify(webhook: Webhook, config: TopicsConfig, settings: Settings) -> None:
    """The call names a topic that was allowed, and the secret that was put into its subscription.

    Amazon's signature is checked afterwards (`verify_signature`), since that needs its certificate.
    """
    if config.webhook_secret:
        if not same_secret(webhook.query.get("token"), config.webhook_secret.get_secret_value()):
            raise SignatureInvalid("sns: the token in the address does not match; connect the instance again")
    elif settings.strict_webhooks and not config.topic_arns:
        raise SignatureInvalid("sns: set config.topicArns, without it no notification can be trusted")
    if config.topic_arns and webhook.headers.get("x-amz-sns-topic-arn") not in config.topic_arns:
        raise SignatureInvalid("sns: the topic is not one of config.topicArns")


def verify_signature(deps: Deps, instance: Instance, config: TopicsConfig, webhook: Webhook) -> None:
    """Amazon's signature over the message, and that header and message name the same topic."""
    message = sns.envelope(webhook)
    sns.check_topic(message, webhook)
    sns.check_signature(deps, message)


def respond(deps: Deps, instance: Instance, config: TopicsConfig, webhook: Webhook) -> WebhookResponse | None:
    """Confirm a subscription that was asked for; one to another topic was refused before."""
    message = sns.envelope(webhook)
    if message.Type == "SubscriptionConfirmation" and message.TopicArn in config.topic_arns:
        sns.confirm(deps, message)
    return None


def subscribe(deps: Deps, instance: Instance, config: TopicsConfig) -> tuple[str, str]:
    """Have the topics tell us; gives our address and the secret in it. Amazon then asks for a confirmation."""
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else secrets.token_urlsafe(32)
    address = _address(deps, instance)
    endpoint, scheme = f"{address}?token={quote(secret)}", address.partition(":")[0]
    client = aws.client(deps, "sns", config)
    for topic in config.topic_arns:
        _call(client.subscribe, TopicArn=topic, Protocol=scheme, Endpoint=endpoint, ReturnSubscriptionArn=True)
    return address, secret


def unsubscribe(deps: Deps, instance: Instance, config: TopicsConfig) -> None:
    """Take our subscriptions off the topics."""
    client, address = aws.client(deps, "sns", config), _address(deps, instance)
    for topic in config.topic_arns:
        _leave(client, topic, address)


def _leave(client: Any, topic: str, address: str) -> None:
    token: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        page = _call(client.list_subscriptions_by_topic, TopicArn=topic, **token)
        for subscription in page.get("Subscriptions", []):
            is_ours = str(subscription.get("Endpoint", "")).partition("?")[0] == address
            # One that was never confirmed has no ARN yet, and ends by itself.
            if is_ours and str(subscription.get("SubscriptionArn", "")).startswith("arn:"):
                _call(client.unsubscribe, SubscriptionArn=subscription["SubscriptionArn"])
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _call(do: Any, **arguments: Any) -> Any:
    return aws.call(sns.PROVIDER, lambda: do(**arguments))


def _address(deps: Deps, instance: Instance) -> str:
    return f"{deps.settings.public_url}/webhook/{instance.type.value}/{instance.id}"
