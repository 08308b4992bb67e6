"""Real Socket.IO clients, and the events that they receive."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from queue import Queue
from typing import Any, TypeAlias

import engineio
import requests
import socketio

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.domain.accounts import Role
from shared.domain.conversations import Conversation
from shared.domain.instances import ChannelType, Instance
from shared.domain.outbox import OutboxItem, OutboxPayload
from shared.ports.store import Create, Ref, Set
from shared.security.tokens import AccessClaims, sign, span
from shared.usecases.accounts.credentials import access_key
from tests.documents import MOMENT, a_user, an_instance

EVENTS = (
    *("whatsapp-qr", "whatsapp-connected", "channel-status", "message-created", "conversation-updated"),
    *("notification-created", "sla-changed"),
)


def token_for(deps: Deps, tenant_id: str, seconds: int = 600, role: Role = Role.ADMIN) -> str:
    user_id = f"{role.value}-{tenant_id}"
    user = a_user(id=user_id, tenant_id=tenant_id, role=role)
    deps.store.commit([Set(Ref("users", user.id), user.model_dump())])
    issued, expires = span(deps.now(), seconds)
    claims = AccessClaims(
        user_id=user_id, tenant_id=tenant_id, email="a@example.com", role=role, iat=issued, exp=expires
    )
    return sign(claims, access_key(deps))


def stored_instance(deps: Deps, id_: str = "i1", tenant_id: str = "t1") -> Instance:
    instance = an_instance("whatsapp_evolution", id=id_, tenant_id=tenant_id, name=id_)
    deps.store.commit([Create(Ref("instances", id_), instance.model_dump())])
    return instance


def happens(event: Callable[..., None], deps: Deps, *subject: object, **options: object) -> None:
    """Commit a change of which clients are told."""
    run_with_retry(deps, lambda unit: event(deps, unit, *subject, **options))


def a_conversation() -> Conversation:
    return Conversation(
        id="c1",
        tenant_id="t1",
        customer_id="p1",
        identity_id="x1",
        instance_id="i1",
        channel=ChannelType.WHATSAPP,
        external_conversation_id="491@s.whatsapp.net",
        external_user_id="491@s.whatsapp.net",
        assignee_id="a1",
        last_message_at=MOMENT,
        created_at=MOMENT,
        updated_at=MOMENT,
    )


class _OneThread(engineio.Client):  # type: ignore[misc]  # the library has no types
    """Hands packets on in the order in which they come; the library has a thread for each of them."""

    def _trigger_event(self, event: str, *arguments: Any, **options: Any) -> Any:
        return super()._trigger_event(event, *arguments, **{**options, "run_async": False})


class _InOrder(socketio.Client):  # type: ignore[misc]  # the library has no types
    def _engineio_client_class(self) -> type[engineio.Client]:
        return _OneThread


class Client:
    """A browser's view of the hub: what it asked for, and what came."""

    def __init__(self, transport: str, reconnection: bool = False, **options: Any) -> None:
        self._session = requests.Session()
        self.io = _InOrder(reconnection, http_session=self._session, **options)
        self.came: Queue[tuple[str, Any]] = Queue()
        self.refusals: Queue[dict[str, str]] = Queue()
        self.io.on("connect_error", self.refusals.put)
        self.disconnects: Queue[object] = Queue()
        self._websockets: list[Any] = []
        self.io.on("disconnect", self._disconnected)
        self._transport = transport
        for name in EVENTS:
            self.io.on(name, lambda payload, name=name: self.came.put((name, payload)))

    def connect(self, url: str, path: str = "/socket.io", **options: Any) -> None:
        self.io.connect(url, transports=[self._transport], socketio_path=path, wait_timeout=10, **options)

    def ask(self, event: str, *args: Any) -> Any:
        return self.io.call(event, args if args else None, timeout=10)

    def enter(self, channel: str) -> dict[str, Any]:
        """Join a channel's room; returns how the channel stands, which is told at once."""
        assert self.ask("join-channel", channel) == {"ok": True}
        name, payload = self.next()
        assert (name, payload["channelInstanceId"]) == ("channel-status", channel)
        return dict(payload)

    def next(self) -> tuple[str, Any]:
        return self.came.get(timeout=10)

    def _disconnected(self, reason: object) -> None:
        # The library leaves a websocket open that the server has closed.
        if self.io.eio.ws is not None:
            self._websockets.append(self.io.eio.ws)
        self.disconnects.put(reason)

    def close(self) -> None:
        if self.io.connected:
            # The library's writer drops what it is given between the end of a request and its next look at the state.
            self.io.eio.queue.join()
            time.sleep(0.005)
        self.io.shutdown()
        for thread in (self.io.eio.read_loop_task, self.io.eio.write_loop_task):
            if thread is not None:
                thread.join(10)
        for each in self._websockets:
            each.shutdown()
        self._session.close()


Connect: TypeAlias = Callable[..., Client]
"""`connect(token, headers=...)`: a connected client of the server."""


class Polling:
    """The protocol as a client without a websocket speaks it, a request for each packet.

    Requests may overlap, so that a client can leave while another of its packets is being dealt with:
    https://github.com/socketio/engine.io-protocol
    """

    def __init__(self, url: str) -> None:
        self._address = f"{url}/socket.io/?EIO=4&transport=polling"
        opened = requests.get(self._address, timeout=10)
        self._address += f"&sid={json.loads(opened.text[1:])['sid']}"

    def says(self, packet: str) -> None:
        """Returns when the server is done with the packet."""
        assert requests.post(self._address, data=packet, timeout=10).ok

    def connects(self, token: str) -> None:
        self.says("40" + json.dumps({"token": token}))

    def joins(self, channel: str) -> None:
        self.says("42" + json.dumps(["join-channel", channel]))

    def is_dropped(self) -> None:
        """Returns when the server knows the connection no more."""
        while requests.get(self._address, timeout=10).ok:
            pass

    def leaves(self, packet: str = "1") -> None:
        """By closing the connection, or with `41` by disconnecting from Socket.IO alone."""
        self.says(packet)


def stored_unsendable(deps: Deps, conversation_id: str) -> Ref:
    """An item whose channel is gone: whoever takes it writes it off."""
    item = OutboxItem(
        id=f"m-{conversation_id}",
        tenant_id="t1",
        conversation_id=conversation_id,
        instance_id="gone",
        payload=OutboxPayload(text="Hello"),
        created_at=deps.now(),
        updated_at=deps.now(),
    )
    ref = Ref("outbox", item.id)
    deps.store.commit([Create(ref, item.model_dump())])
    return ref
