"""Which account at a server is an instance's, and by which key it is reached.

The deployment's own server (`EVOLUTION_URL`) is shared: its key opens the accounts of all tenants. Tenants other than
the operator's are guests there. A guest's accounts have names that the hub makes, and every call about one carries the
account's own token, so that Evolution itself refuses an account that is somebody else's. The server's key only makes
new accounts.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from shared.channelkit.signatures import same_secret
from shared.channels.whatsapp_evolution.config import EvolutionConfig, EvolutionSettings
from shared.deps import Deps
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.errors import NotConfigured, ProviderRejected

PROVIDER = "evolution"


def name_of(instance: Instance, config: EvolutionConfig) -> str:
    """The account's name at Evolution."""
    return config.whatsapp_instance or instance.name


def account_of(instance: Instance, config: EvolutionConfig) -> str:
    """The server and the account's name there, by one spelling."""
    parts = urlsplit(config.evolution_url or "")
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    host = (parts.hostname or "").rstrip(".")
    return f"{host}{port}{parts.path.rstrip('/')}/{name_of(instance, config)}"


def is_guest(deps: Deps, instance: Instance, config: EvolutionConfig) -> bool:
    """Whether a tenant other than the operator's uses the deployment's own key."""
    shared_key = deps.settings.of(EvolutionSettings).evolution_key
    key = config.evolution_key.get_secret_value() if config.evolution_key else ""
    is_shared = shared_key is not None and same_secret(key, shared_key.get_secret_value())
    return is_shared and instance.tenant_id != deps.settings.default_tenant_id


def has_none(deps: Deps, instance: Instance, config: EvolutionConfig) -> bool:
    """Whether the instance is a guest's that no account was made for yet."""
    return is_guest(deps, instance, config) and config.instance_token is None


def to_create(deps: Deps, instance: Instance, config: EvolutionConfig) -> EvolutionConfig:
    """The configuration with the name of the account to create: a guest's has a new one each time.

    Raises `ProviderRejected` for a name that a guest chose.
    """
    if not is_guest(deps, instance, config):
        return config
    prefix = f"{stable_id('evolution', instance.tenant_id)[:12]}-"
    chosen = config.whatsapp_instance
    if chosen is not None and chosen != instance.name and not chosen.startswith(prefix):
        raise ProviderRejected(
            PROVIDER,
            "the hub names new accounts on this server: leave whatsapp_instance out, "
            "or give the token of the existing account as evolution_key",
        )
    return config.model_copy(update={"whatsapp_instance": prefix + secrets.token_hex(12), "instance_token": None})


def server_key(deps: Deps, config: EvolutionConfig) -> tuple[str, str]:
    """The server's address and the key that the configuration has for it.

    Raises `NotConfigured` without an address or a key, `ProviderRejected` where the key may not be sent.
    """
    if not config.evolution_url:
        raise NotConfigured(PROVIDER, "evolution_url is not set")
    if not config.evolution_key:
        raise NotConfigured(PROVIDER, "evolution_key is not set")
    own = deps.settings.of(EvolutionSettings)
    key, shared_key = config.evolution_key.get_secret_value(), own.evolution_key
    is_shared = shared_key is not None and same_secret(key, shared_key.get_secret_value())
    if is_shared and config.evolution_url != own.evolution_url:
        # Whoever may make an instance must not have the deployment's key sent to an address of their own.
        raise ProviderRejected(PROVIDER, "EVOLUTION_KEY is only sent to EVOLUTION_URL: set evolution_key")
    return config.evolution_url, _sendable(key, "evolution_key")


def account_key(deps: Deps, instance: Instance, config: EvolutionConfig) -> tuple[str, str]:
    """The server's address and the key for a call about the account: a guest's own token, else as `server_key`."""
    url, key = server_key(deps, config)
    if not is_guest(deps, instance, config):
        return url, key
    if config.instance_token is None:
        raise ProviderRejected(
            PROVIDER, "the hub has no token of this account: connect the channel, which makes an account of its own"
        )
    return url, _sendable(config.instance_token.get_secret_value(), "instance_token")


def _sendable(key: str, name: str) -> str:
    if not (key.isascii() and key.isprintable()):
        raise ProviderRejected(PROVIDER, f"{name} holds characters that no header can carry")
    return key
