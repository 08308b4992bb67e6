"""A webhook is kept as it came, so that a mended parser can read it again."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.events import Topic
from shared.ports.store import Merge
from tests import refs
from tests.eventually import eventually
from tests.pipeline.hub import Hub


def test_replaying_mends_what_was_read_wrongly_and_doubles_nothing(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.echo_agent()
    began = hub.deps.now() - timedelta(seconds=1)
    hub.customer_writes(channel_id, "hello")
    hub.provider.wait_for("/sendMessage")
    eventually(hub.idle)
    [inbound, _] = hub.messages()
    hub.deps.store.commit([Merge(refs.message(inbound.id), {"kind": "unsupported", "text": None})])
    assert hub.deps.bus.replay(Topic.INBOUND, began) == 1
    eventually(lambda: hub.messages()[0].text == "hello")
    assert hub.messages()[0].kind == "text"
    assert len(hub.messages()) == 2
    assert hub.sent_texts() == ["Echo: hello"]
