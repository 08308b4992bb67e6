"""A tenant's Forge settings, and the key to its Omni server.

The settings are one document, the key is a secret that the document names. A
new key gets a new name, so that no reader ever sees one writer's host with
another writer's key.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.domain.forge import ForgeSettings, OmniConfig
from shared.domain.ids import new_id
from shared.errors import BadRequest, HubError
from shared.ports.store import Document, Ref
from shared.usecases.instances.instance_documents import commit, put
from shared.usecases.instances.secret_moves import check_stays, origin
from shared.usecases.retrying import decide

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
class Wanted:
    """Settings to save. `keep_key` leaves the key as it is, else `api_key` replaces it; None destroys it."""

    omni_enabled: bool
    config: OmniConfig
    api_key: str | None = None
    keep_key: bool = False


def load(deps: Deps, tenant_id: str) -> Forge:
    """Read a tenant's settings; what was never saved has its default."""
    settings, key = ForgeSettings(tenant_id=tenant_id), None
    # A key whose name was just read may be replaced before it is read itself.
    for _ in range(3):
        settings = _parsed(_stored(deps, tenant_id), tenant_id)
        key = _key(deps, settings)
        if key or settings.secret_name is None:
            break
    return _with_defaults(deps, settings, key)


def save(deps: Deps, caller: Principal, wanted: Wanted) -> Forge:
    """Replace the caller's tenant's settings, and destroy a key that they no longer hold.

    Raises `BadRequest` for a host that cannot be called, for an active
    configuration without host or key, and for a kept key that would go to
    another host at the wish of somebody who may not read it.
    """
    if wanted.config.host:
        check_host(deps, wanted.config.host)
    fresh = f"forge-{caller.tenant_id}-{new_id()}" if wanted.api_key else None
    if fresh and wanted.api_key:
        deps.secrets.write(fresh, {_KEY: wanted.api_key})
    try:
        former, saved = decide(lambda: _commit(deps, caller, wanted, fresh))
    except HubError:
        if fresh:
            deps.secrets.delete(fresh)
        raise
    if former.secret_name and former.secret_name != saved.secret_name:
        deps.secrets.delete(former.secret_name)
    return _with_defaults(deps, saved, wanted.api_key or _key(deps, saved))


def check_host(deps: Deps, host: str) -> None:
    """Raises `BadRequest` for what is no address of a server, or for one that the hub does not call."""
    if not is_this_hub(deps, host):
        deps.http.check(host, "omni_config.host")
    parts = urlsplit(host)
    if parts.query or parts.fragment:
        reason = "must end with the path, without '?' or '#'"
        raise BadRequest(f"omni_config.host: {reason}", {"omni_config.host": reason})


def is_this_hub(deps: Deps, host: str) -> bool:
    """Whether that is the hub's own address: it answers itself, for by HTTP it could wait for itself."""
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


def _commit(deps: Deps, caller: Principal, wanted: Wanted, fresh: str | None) -> tuple[ForgeSettings, ForgeSettings]:
    document = _stored(deps, caller.tenant_id)
    former = _parsed(document, caller.tenant_id)
    if wanted.keep_key and former.secret_name and not caller.may_read_secrets:
        check_stays("omni_config.api_key", former.config.host, wanted.config.host)
    saved = ForgeSettings(
        tenant_id=caller.tenant_id,
        omni_enabled=wanted.omni_enabled,
        config=wanted.config,
        secret_name=former.secret_name if wanted.keep_key else fresh,
        updated_at=deps.now(),
    )
    if saved.active:
        _check_complete(_with_defaults(deps, saved, wanted.api_key or _key(deps, saved)))
    commit(deps, [put(_ref(caller.tenant_id), document, saved.model_dump())])
    return former, saved


def _check_complete(forge: Forge) -> None:
    if forge.missing:
        fields = dict.fromkeys(forge.missing, "is needed while Omni is enabled")
        raise BadRequest("; ".join(f"{name}: {problem}" for name, problem in fields.items()), fields)


def _with_defaults(deps: Deps, settings: ForgeSettings, key: str | None) -> Forge:
    """The deployment's key goes to the deployment's Omni server alone, and that serves the operator's tenants alone."""
    host, own = settings.config.host, deps.settings
    if settings.tenant_id not in (own.default_tenant_id, own.anonymous_tenant) or own.omni_host is None:
        return Forge(settings, host, key, own_key=key is not None)
    host = host or own.omni_host
    if key is None and own.omni_api_key is not None and origin(host) == origin(own.omni_host):
        return Forge(settings, host, own.omni_api_key.get_secret_value())
    return Forge(settings, host, key, own_key=key is not None)


def _key(deps: Deps, settings: ForgeSettings) -> str | None:
    return deps.secrets.read(settings.secret_name).get(_KEY) if settings.secret_name else None


def _parsed(document: Document | None, tenant_id: str) -> ForgeSettings:
    return ForgeSettings.model_validate(document.data) if document else ForgeSettings(tenant_id=tenant_id)


def _stored(deps: Deps, tenant_id: str) -> Document | None:
    return deps.store.get([_ref(tenant_id)]).get(_ref(tenant_id))


def _ref(tenant_id: str) -> Ref:
    return Ref("forge_settings", tenant_id)
