"""Every recorded message of every channel is stored once, whatever comes first, again, out of order or at once."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from shared import channels
from shared.channel.inbound import InboundModule
from shared.channel.webhook import WebhookModule
from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import InboundEvent
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.domain.messages import Message
from shared.usecases.ingest import messages
from tests.channels import golden
from tests.documents import an_instance

_numbers = count(1)


@dataclass(frozen=True)
class _Received:
    """A recorded message, in the event that would have brought it."""

    event: InboundEvent
    message: MessageReceived


def _received(name: str, paths: Sequence[Path], instance: Instance) -> list[_Received]:
    accept = channels.implementation(name, WebhookModule).accept
    parse = channels.implementation(name, InboundModule).parse
    received = []
    for part in [part for path in paths for body in golden.bodies(path) for part in accept(golden.webhook(body))]:
        payload = json.loads(json.dumps(part.payload))
        event = InboundEvent(
            tenant_id=instance.tenant_id,
            instance_id=instance.id,
            channel=name,
            payload=payload,
            received_at=golden.RECEIVED_AT,
        )
        received += [_Received(event, message) for message in parse(payload) if isinstance(message, MessageReceived)]
    return received


def _fresh_instance(name: str) -> Instance:
    number = next(_numbers)
    return an_instance(name, id=f"i{number}", tenant_id=f"t{number}")


def _store(deps: Deps, instance: Instance, received: _Received) -> None:
    messages.store_message(deps, instance, received.event, received.message)


def _stored(deps: Deps, instance: Instance, received: Sequence[_Received]) -> list[Message]:
    unit = UnitOfWork(deps.store)
    names = {each.message.external_message_id for each in received if not each.message.if_known}
    records = [unit.message_records.get(ids.provider_message(instance.id, name)) for name in sorted(names)]
    assert all(isinstance(record, Message) for record in records), sorted(names)
    query = unit.conversations.query().where(lambda conversation: conversation.tenant_id, "==", instance.tenant_id)
    conversations = query.order_by(lambda conversation: conversation.last_message_at, descending=True).page().documents
    conversation_ids = {conversation.id for conversation in conversations}
    for record in records:
        assert isinstance(record, Message)
        assert record.conversation_id in conversation_ids
    return [record for record in records if isinstance(record, Message)]


@pytest.mark.parametrize("name", channels.names())
def test_each_as_the_first_message_of_an_instance_and_once_more(deps: Deps, name: str) -> None:
    for path in golden.recordings(name):
        instance = _fresh_instance(name)
        received = _received(name, [path], instance)
        for each in (*received, *received):
            _store(deps, instance, each)
        _stored(deps, instance, received)


@pytest.mark.parametrize("name", channels.names())
@pytest.mark.parametrize("seed", range(2))
def test_all_of_a_channel_in_any_order(deps: Deps, name: str, seed: int) -> None:
    instance = _fresh_instance(name)
    received = _received(name, golden.recordings(name), instance)
    random.Random(seed).shuffle(received)
    for each in received:
        _store(deps, instance, each)
    _stored(deps, instance, received)


@pytest.mark.parametrize("name", channels.names())
def test_all_of_a_channel_at_once(deps: Deps, name: str) -> None:
    instance = _fresh_instance(name)
    received = _received(name, golden.recordings(name), instance)
    with ThreadPoolExecutor(8) as pool:
        for done in _all_stored(deps, instance, received, pool):
            assert done is None
    _stored(deps, instance, received)


def _all_stored(
    deps: Deps, instance: Instance, received: Sequence[_Received], pool: ThreadPoolExecutor
) -> Iterator[None]:
    return pool.map(partial(_store, deps, instance), received)
