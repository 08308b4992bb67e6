"""A process that publishes and is killed at once: `publish_and_die.py <backend> <where> <key> <event id>...`."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import cast

from shared.domain.events import ReplyEvent, Topic
from tests.adapters.backends import Backend


def main(backend_name: str, where: str, key: str, *event_ids: str) -> None:
    backend = cast(Backend, import_module(f"tests.adapters.backends.{backend_name}"))
    bus = backend.connect_bus(where)
    events = [ReplyEvent(id=id_, tenant_id="t", conversation_id=key, message_id=id_) for id_ in event_ids]
    for event in events:
        bus.publish(Topic.REPLIES, event, key=key)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
