"""What the parts of the Pub/Sub adapter share: names, clients, sending one message, and making topics."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from shared.adapters.google.calls import errors, while_unavailable
from shared.domain.events import Topic

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import SubscriberClient
    from google.pubsub_v1 import PublisherClient

PUBLISH_TIMEOUT: Final = 30.0
"""Seconds, retries included."""

_LONGEST_ACK_DEADLINE: Final = 600


@dataclass(frozen=True)
class PubSub:
    """A project's topics whose names begin with `prefix`. The clients connect when first used."""

    project: str
    prefix: str = ""
    emulator_host: str | None = None

    def topic(self, topic: Topic) -> str:
        return f"projects/{self.project}/topics/{self.prefix}{topic}"

    def subscription(self, topic: Topic) -> str:
        return f"projects/{self.project}/subscriptions/{self.prefix}{topic}-pull"

    def dead_topic(self, topic: Topic) -> str:
        return f"{self.topic(topic)}-dead"

    def dead_subscription(self, topic: Topic) -> str:
        return f"projects/{self.project}/subscriptions/{self.prefix}{topic}-dead"

    def retained_subscription(self, topic: Topic) -> str:
        return f"projects/{self.project}/subscriptions/{self.prefix}{topic}-kept"

    @cached_property
    def publisher(self) -> PublisherClient:
        """The generated client: a message is its own batch here, because the caller waits for it."""
        from google.pubsub_v1 import PublisherClient  # noqa: PLC0415  cold start

        if self.emulator_host is None:
            return PublisherClient()
        import grpc  # noqa: PLC0415  cold start
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport  # noqa: PLC0415  cold start

        return PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(self.emulator_host)))

    @cached_property
    def subscriber(self) -> SubscriberClient:
        """The handwritten client, for its streaming pull that extends leases."""
        from google.cloud.pubsub_v1 import SubscriberClient  # noqa: PLC0415  cold start

        if self.emulator_host is None:
            return SubscriberClient()
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport  # noqa: PLC0415  cold start

        from shared.adapters.google.emulator import channel_to  # noqa: PLC0415  cold start

        return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel_to(self.emulator_host)))

    def send(self, topic: str, data: bytes, attributes: Mapping[str, str], key: str) -> None:
        """Return once the message is durable; raises `StoreError`."""
        from google.pubsub_v1.types import PubsubMessage  # noqa: PLC0415  cold start

        message = PubsubMessage(data=data, attributes=dict(attributes), ordering_key=key)
        with errors("Pub/Sub"):
            self.publisher.publish(
                topic=topic,
                messages=[message],
                retry=while_unavailable(PUBLISH_TIMEOUT),
                timeout=PUBLISH_TIMEOUT,
            )

    def close(self) -> None:
        """Close the clients; they cannot be used afterwards."""
        opened = vars(self)
        if "publisher" in opened:
            self.publisher.transport.close()  # type: ignore[no-untyped-call]  # generated code
        if "subscriber" in opened:
            self.subscriber.close()


def ensure_topics(pubsub: PubSub, ack_deadline: int = 10) -> None:
    """Make the topics and subscriptions that Terraform makes in the cloud, for the emulator and the local runner.

    The subscriptions have neither a filter, nor a retry policy, nor a
    dead-letter policy. The emulator (0.8.20) accepts them all, but it ignores
    the first two: it delivers everything, and what is refused comes again within
    50 ms. Of the third it obeys one half: it stops delivering after the maximum of attempts,
    but forwards nothing to the dead-letter topic, so that the message is lost.
    Ordering keys work.
    """
    with errors("Pub/Sub"):
        for topic in Topic:
            _make(pubsub, pubsub.topic(topic), pubsub.subscription(topic), ack_deadline, ordered=True)
            _make(pubsub, pubsub.dead_topic(topic), pubsub.dead_subscription(topic), ack_deadline)
        _make(pubsub, pubsub.topic(Topic.INBOUND), pubsub.retained_subscription(Topic.INBOUND), _LONGEST_ACK_DEADLINE)


def _make(pubsub: PubSub, topic: str, subscription: str, ack_deadline: int, ordered: bool = False) -> None:
    from google.api_core.exceptions import AlreadyExists  # noqa: PLC0415  cold start
    from google.pubsub_v1.types import Subscription  # noqa: PLC0415  cold start

    subscription = Subscription(
        name=subscription, topic=topic, ack_deadline_seconds=ack_deadline, enable_message_ordering=ordered
    )
    with suppress(AlreadyExists):
        pubsub.publisher.create_topic(name=topic, timeout=PUBLISH_TIMEOUT)
    with suppress(AlreadyExists):
        pubsub.subscriber.create_subscription(request=subscription, timeout=PUBLISH_TIMEOUT)
