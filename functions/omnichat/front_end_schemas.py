"""Forms of the paths that only OmniChat's own front end calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from functions.omnichat.channel_schemas import ChannelOut
from functions.omnichat.schemas import Done, Request, Wire
from shared.http.display_names import Name
from shared.usecases.instances.instances import Changes


class TenantPath(Wire):
    """Whose the channel is says the credential; what stands here may be made up by the page."""

    # Under its name in the path; the others of this dialect are in camel case.
    tenant_id: str = Field(alias="tenant_id")


class TenantChannelPath(TenantPath):
    id: str


class DisplayedIn(Request, Wire):
    """What the page shows of a channel, with what was changed: metadata and configuration in one, masks included."""

    name: Name | None = None
    config: dict[str, Any] = Field(default_factory=dict)

    def to_domain(self, displayed: ChannelOut) -> Changes:
        """What has changed since the channel was shown: whatever is in its metadata alone goes back there."""
        in_metadata = displayed.metadata.keys() - displayed.config.keys()
        metadata = {name: value for name, value in self.config.items() if name in in_metadata}
        config = {name: value for name, value in self.config.items() if name not in in_metadata}
        is_same = metadata == {name: displayed.metadata[name] for name in metadata}
        return Changes(
            label=self.name,
            config=_different(config, displayed.config),
            metadata=None if is_same else displayed.metadata | metadata,
        )


def _different(values: Mapping[str, Any], displayed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in displayed or displayed[name] != value}


class WhatsAppRemovalIn(Request, Wire):
    """Without `permanent` the account is only logged out."""

    ignored: ClassVar = frozenset({"_method", "disconnect"})

    permanent: bool = True


class BotConnectIn(Request, Wire):
    """A bot's token. `channelId` is the channel that gets it, where there is one; else one is made."""

    channel_id: str | None = Field(default=None, max_length=128)
    bot_token: SecretStr = Field(max_length=256)


class BotConnected(Done):
    channel_id: str
    bot_username: str | None
    message: str


class WidgetOut(Done):
    """A widget, and the text that puts it into a page."""

    widget_id: str
    embed_code: str
