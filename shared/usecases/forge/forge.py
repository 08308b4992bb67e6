"""A tenant's Forge settings, and the API key of its Omni server.

The settings are one document, the key is a secret that the document names. A
new key gets a new name, so that no reader ever sees one writer's host with
another writer's key.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.forge import ForgeSettings, OmniConfig
from shared.domain.ids import new_id
from shared.errors import BadRequest, HubError, ProviderError, SecretLost, Unauthorized
from shared.security.origins import origin
from shared.usecases.accounts.credentials import authenticate
from shared.usecases.instances.secret_moves import check_stays

SERVER = "the Omni server"
"""What errors call it."""

_KEY = "api_key"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Forge:
    """Settings with the deployment's defaults filled in; `own_key` says that the key is the tenant's own."""

    settings: ForgeSettings
    host: str | None = None
    api_key: str | None = None
    own_key: bool = False

    @property
    def missing(self) -> list[str]:
        """The fields without which the Omni server cannot be called."""
        values = {"omni_config.host": self.host, "omni_config.api_key": self.api_key}
        return [name for name, value in values.items() if not value]


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Settings to save. `keep_key` leaves the key as it is, else `api_key` replaces it; None deletes it."""

    omni_enabled: bool
    config: OmniConfig
    api_key: str | None = None
    keep_key: bool = False


def load(deps: Deps, tenant_id: str) -> Forge:
    """Read a tenant's settings; what was never saved has its default."""
    settings, key = ForgeSettings(tenant_id=tenant_id), None
    # A key whose name was just read may be replaced before it is read itself.
    for _ in range(3):
        settings = UnitOfWork(deps.store).forge_settings.get(tenant_id) or ForgeSettings(tenant_id=tenant_id)
        key = _key(deps, settings)
        if key or settings.secret_name is None:
            break
    return _with_defaults(deps, settings, key)


def save(deps: Deps, caller: Principal, new: NewSettings) -> Forge:
    """Replace the settings of the caller's tenant, and delete a key that they no longer name.

    Raises `BadRequest` for a host that cannot be called, for an active
    configuration without host or key, and for a kept key that would be sent to
    another host by somebody who may not read it.
    """
    if new.config.host:
        check_host(deps, new.config.host)
    secret_name = f"forge-{caller.tenant_id}-{new_id()}" if new.api_key else None
    if secret_name and new.api_key:
        deps.secrets.write(secret_name, {_KEY: new.api_key})
    try:
        settings, former_secret_name = run_with_retry(deps, lambda unit: _replace(deps, unit, caller, new, secret_name))
    except HubError:
        if secret_name:
            deps.secrets.delete(secret_name)
        raise
    if former_secret_name and former_secret_name != settings.secret_name:
        deps.secrets.delete(former_secret_name)
    return _with_defaults(deps, settings, new.api_key or _key(deps, settings))


def check_host(deps: Deps, host: str, field: str = "omni_config.host") -> None:
    """Raises `BadRequest` for what is not a server's address, or for one that the hub does not call."""
    if not is_this_hub(deps, host):
        deps.http.check(host, field)
    parts = urlsplit(host)
    if parts.query or parts.fragment:
        reason = "must end with the path, without '?' or '#'"
        raise BadRequest.of_field(field, reason)


def is_this_hub(deps: Deps, host: str) -> bool:
    """Whether that is the hub's own address: it is not called over HTTP, where the hub could wait for itself."""
    settings = deps.settings
    try:
        scheme, name, port = origin(host)
    except ValueError:
        return False
    if urlsplit(host).path.strip("/") or "@" in urlsplit(host).netloc:
        return False
    if settings.public_url and origin(settings.public_url) == (scheme, name, port):
        return True
    return scheme == "http" and port == settings.port and name in _LOCAL | {settings.host}


def own_principal(deps: Deps, api_key: str) -> Principal:
    """Whom a key stands for at this hub.

    Raises `ProviderError` for one that is not valid, as for another server: a 401 would sign out whoever asked.
    """
    try:
        return authenticate(deps, api_key)
    except Unauthorized:
        raise refused() from None


def refused() -> ProviderError:
    """What is raised when the Omni server does not take the key."""
    return ProviderError(SERVER, "refused the API key; check omni_config.api_key")


def _replace(
    deps: Deps, unit: UnitOfWork, caller: Principal, new: NewSettings, secret_name: str | None
) -> tuple[ForgeSettings, str | None]:
    """The new settings, and the name of the former key."""
    former = unit.forge_settings.get(caller.tenant_id) or ForgeSettings(tenant_id=caller.tenant_id)
    if new.keep_key and former.secret_name and not caller.may_read_secrets:
        check_stays("omni_config.api_key", former.config.host, new.config.host)
    settings = ForgeSettings(
        tenant_id=caller.tenant_id,
        omni_enabled=new.omni_enabled,
        config=new.config,
        secret_name=former.secret_name if new.keep_key else secret_name,
        updated_at=deps.now(),
    )
    if settings.active:
        _check_complete(_with_defaults(deps, settings, new.api_key or _key(deps, settings)))
    unit.forge_settings.put(settings)
    return settings, former.secret_name


def _check_complete(forge: Forge) -> None:
    if forge.missing:
        fields = dict.fromkeys(forge.missing, "is needed while Omni is enabled")
        raise BadRequest.of_fields(fields)


def _with_defaults(deps: Deps, settings: ForgeSettings, key: str | None) -> Forge:
    """The deployment's key goes to the deployment's Omni server alone, and that serves the operator's tenants alone."""
    host, deployment = settings.config.host, deps.settings
    operators_tenants = (deployment.default_tenant_id, deployment.anonymous_tenant)
    if settings.tenant_id not in operators_tenants or deployment.omni_host is None:
        return Forge(settings, host, key, own_key=key is not None)
    host = host or deployment.omni_host
    if key is None and deployment.omni_api_key is not None and origin(host) == origin(deployment.omni_host):
        return Forge(settings, host, deployment.omni_api_key.get_secret_value())
    return Forge(settings, host, key, own_key=key is not None)


def _key(deps: Deps, settings: ForgeSettings) -> str | None:
    try:
        return deps.secrets.read(settings.secret_name).get(_KEY) if settings.secret_name else None
    except SecretLost:
        return None
