"""The lines that this process holds, and how a message gets to the process that holds another one."""

from __future__ import annotations

from shared.channelkit import auth
from shared.channels.telegram_user.gateway import Line
from shared.deps import Deps
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.instances import Instance

WAKE = "outbound-wake"
"""The realtime event that tells the process with the line that a conversation has something to send."""

_lines: dict[tuple[str, str], Line] = {}


def hold(deps: Deps, instance_id: str, line: Line) -> None:
    _lines[deps.owner, instance_id] = line


def drop(deps: Deps, instance_id: str) -> None:
    _lines.pop((deps.owner, instance_id), None)


def held(deps: Deps, instance_id: str) -> Line | None:
    return _lines.get((deps.owner, instance_id))


def elsewhere(deps: Deps, instance: Instance, conversation_id: str) -> bool:
    """Whether another process has to send for the instance; it is told so.

    While nobody has the line, nobody is told: who takes it looks for what waits.
    An account that is logged out is nobody's; sending then fails here, and says why.
    """
    if held(deps, instance.id) is not None:
        return False
    known, _ = auth.read(deps, instance)
    if known.state is not auth.AuthState.CONNECTED:
        return False
    if known.lease_owner not in (None, deps.owner) and known.lease_expires_at > deps.now():
        # In every process that listens to `realtime`, and in no room that a client could join.
        room = f"line:{instance.id}"
        payload = {"instance_id": instance.id, "conversation_id": conversation_id}
        event = RealtimeEvent(tenant_id=instance.tenant_id, room=room, name=WAKE, payload=payload)
        deps.bus.publish(Topic.REALTIME, event, key=room)
    return True
