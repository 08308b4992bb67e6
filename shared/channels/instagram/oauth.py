"""Connecting an account by its owner's login at Instagram."""

from __future__ import annotations

from urllib.parse import urlencode

from pydantic import SecretStr

from shared.channel.lifecycle import Connection
from shared.channel.oauth import Links, Redirect
from shared.channels.instagram import lifecycle, tokens
from shared.channels.instagram.config import PROVIDER, InstagramConfig, InstagramSettings
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import NotConfigured

AUTHORIZE = "https://www.instagram.com/oauth/authorize"
SCOPES = ("instagram_business_basic", "instagram_business_manage_messages")


def links(settings: Settings, config: InstagramConfig, redirect: Redirect | None) -> Links:
    """Where the account's owner agrees to the app."""
    app_id = settings.of(InstagramSettings).instagram_app_id
    if not app_id:
        return Links(message="Set INSTAGRAM_APP_ID, or access_token in the instance's config")
    if redirect is None:
        return Links(message="Set PUBLIC_URL, so that Instagram can send you back here")
    query = {
        "client_id": app_id,
        "redirect_uri": redirect.url,
        "response_type": "code",
        "scope": ",".join(SCOPES),
        "state": redirect.state,
    }
    return Links(
        message="Open auth_url and log in with the professional account", auth_url=f"{AUTHORIZE}?{urlencode(query)}"
    )


def install(deps: Deps, instance: Instance, config: InstagramConfig, code: str, redirect_url: str) -> Connection:
    """Turn the code into the account's token for 60 days, and subscribe the app to the account."""
    app = deps.settings.of(InstagramSettings)
    if not app.instagram_app_id or app.instagram_app_secret is None:
        raise NotConfigured(PROVIDER, "set INSTAGRAM_APP_SECRET beside INSTAGRAM_APP_ID")
    secret = app.instagram_app_secret.get_secret_value()
    token = tokens.exchange_code(deps, app.instagram_app_id, secret, code, redirect_url)
    connected = config.model_copy(update={"access_token": SecretStr(token)})
    return lifecycle.connection_of(deps, connected, {"access_token": token})
