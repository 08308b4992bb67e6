"""Topics and subscriptions on the Pub/Sub emulator, made from the table that Terraform deploys.

Left out is what the emulator (0.8.20) does not do, so that a test on it shows nothing of it: filters (it delivers
everything to everybody), retry policies (what is refused comes again at once), dead-letter policies (after the last
attempt it drops the message instead of forwarding it), and the tokens of pushes. It also
pushes two messages of a subscription at a time, however many the function could take. Ordering, ack deadlines and
pushing itself are as deployed.
"""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PushConfig, Subscription

from infra.deployables import Table

TIMEOUT = 30.0


def make_topics(table: Table, project: str, emulator: str, addresses: Mapping[str, str]) -> None:
    """Make every topic, and push to those deployables whose addresses are given."""
    with grpc.insecure_channel(emulator) as channel:
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        for topic, row in table.topics.items():
            name = f"projects/{project}/topics/{topic}"
            publisher.create_topic(name=name, timeout=TIMEOUT)
            publisher.create_topic(name=f"{name}-dead", timeout=TIMEOUT)
            for subscription, options in row.subscriptions.items():
                address = addresses.get(options.push) if options.push else None
                subscriber.create_subscription(
                    request=Subscription(
                        name=f"projects/{project}/subscriptions/{subscription}",
                        topic=name,
                        push_config=PushConfig(push_endpoint=address) if address else None,
                        ack_deadline_seconds=options.ack_deadline,
                        enable_message_ordering=options.ordered,
                    ),
                    timeout=TIMEOUT,
                )
