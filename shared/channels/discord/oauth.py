"""Inviting the bot to a server."""

from __future__ import annotations

from urllib.parse import urlencode

from shared.channel.oauth import Links, Redirect
from shared.channels.discord.config import DiscordConfig, client_id
from shared.config import Settings

AUTHORIZE = "https://discord.com/oauth2/authorize"


PERMISSIONS = 1 << 6 | 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 38
"""Add reactions, view channels, send messages, embed links, attach files, read history, send in threads.

https://docs.discord.com/developers/topics/permissions
"""


def links(settings: Settings, config: DiscordConfig, redirect: Redirect | None) -> Links:
    """Where a server's people let the bot in (https://docs.discord.com/developers/topics/oauth2)."""
    application = client_id(config, settings)
    if not application:
        return Links(message="Set DISCORD_CLIENT_ID, or client_id in the instance's config")
    query = {"client_id": application, "scope": "bot applications.commands", "permissions": PERMISSIONS}
    return Links(
        message="Open invite_url to add the bot to a Discord server",
        invite_url=f"{AUTHORIZE}?{urlencode(query)}",
    )
