"""Telling Pigeon Post where to call us, and whether a loft's key is good."""

from __future__ import annotations

from shared.channel.lifecycle import Connection
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus

from .api import call
from .config import PigeonConfig


def connect(deps: Deps, instance: Instance, config: PigeonConfig) -> Connection:
    url = f"{deps.settings.public_url}/webhook/pigeon/{instance.id}" if deps.settings.public_url else None
    if url and config.webhook_secret:
        call(deps, config, "PUT", "/loft", {"url": url, "secret": config.webhook_secret.get_secret_value()})
    else:
        probe(deps, instance, config)
    return Connection(status=InstanceStatus.CONNECTED, webhook_url=url)


def probe(deps: Deps, instance: Instance, config: PigeonConfig) -> None:
    call(deps, config, "GET", "/loft")
