"""Making a widget ready: there is nobody to tell, only a secret to have."""

from __future__ import annotations

import secrets

from shared.channel.lifecycle import Connection
from shared.channels.widget.config import WidgetConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus


def connect(deps: Deps, instance: Instance, config: WidgetConfig) -> Connection:
    """Have a secret to sign visitors' tokens with; one that is there is kept, so that visitors stay who they are."""
    if config.visitor_secret:
        return Connection(status=InstanceStatus.CONNECTED)
    return Connection(status=InstanceStatus.CONNECTED, secrets={"visitor_secret": secrets.token_hex(32)})
