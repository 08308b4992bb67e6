"""Whether rooms can be opened. Twilio is told our address with each room, so there is nothing to register."""

from __future__ import annotations

from shared.channel.lifecycle import Connection
from shared.channelkit.twilio import PROBE_TIMEOUT, call, result
from shared.channels.video.config import VideoConfig
from shared.channels.video.rooms import SERVICE, guest_key
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus


def connect(deps: Deps, instance: Instance, config: VideoConfig) -> Connection:
    """Look at the rooms, and say what would be missing in a call."""
    guest_key(config)
    probe(deps, instance, config)
    url = deps.settings.public_url
    missing = [
        "set PUBLIC_URL, else nobody tells what happens in rooms" if url is None else "",
        "give auth_token, else what Twilio tells of rooms cannot be trusted" if config.auth_token is None else "",
        "give join_url, else customers get no link" if config.join_url is None else "",
    ]
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=f"{url}/webhook/video/{instance.id}" if url else None,
        detail="; ".join(filter(None, missing)) or None,
        config={"twilio_account_sid": config.twilio_account_sid},
    )


def status(deps: Deps, instance: Instance, config: VideoConfig) -> Connection:
    """The same look at the rooms, for there is nothing else to ask about."""
    return connect(deps, instance, config)


def probe(deps: Deps, instance: Instance, config: VideoConfig) -> None:
    """Ask for the rooms that are open."""
    result(call(deps, config, "GET", "/v1/Rooms", service=SERVICE, params={"PageSize": "1"}, timeout=PROBE_TIMEOUT))
