"""The instances of an Omni server, in the one form that Forge reads."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance
from shared.errors import BadRequest, ProviderError
from shared.outgoing import Answer
from shared.security.addresses import AddressRefused
from shared.usecases.forge import forge
from shared.usecases.instances import instances
from shared.usecases.instances.instance_config import is_mask, names_secret
from shared.usecases.instances.secret_moves import check_stays

_TIMEOUT = 10.0
_MAX_INSTANCES = 1000
_MAX_STATUS_REQUESTS = 20
_PARALLEL_REQUESTS = 10
_UNKNOWN = "unknown"
_MAX_DEPTH = 6
# Omni-Hub's own list first, then its successor's, then the path nearest to the documentation.
_PATHS = ("/api/v1/instances", "/api/v2/instances", "/instances")
_LISTS = ("instances", "items", "data")
_IDS = ("id", "instance_id", "instanceId", "uuid")
_NAMES = ("name", "instance_name", "instanceName")
_CHANNELS = ("channel_type", "channelType", "channel")
_STATES = {"open": "connected", "close": "disconnected", "closed": "disconnected"}

Item = dict[str, Any]
Filter = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying a server's address and key: all that it has, of any channel, or why it cannot be used."""

    instances: Sequence[Item] = ()
    error: str | None = None


def try_server(deps: Deps, tenant_id: str, host: str | None, api_key: str | None) -> Trial:
    """Ask a server that is not saved yet. A key as the settings show it is the stored one, for the stored server alone.

    Raises nothing because of the server: whoever enters an address wants to read what is wrong with it.
    """
    try:
        if not host or not api_key:
            raise BadRequest("give the address of the Omni server and its API key")
        forge.check_host(deps, host, "host")
        key = _stored_key(deps, tenant_id, host) if is_mask(api_key) else api_key
        return Trial(_instances(deps, host, key, "host", _is_any))
    except (BadRequest, ProviderError) as error:
        return Trial(error=error.detail)


def _stored_key(deps: Deps, tenant_id: str, host: str) -> str:
    settings = forge.load(deps, tenant_id)
    check_stays("api_key", settings.host, host)
    if settings.api_key is None:
        raise BadRequest("there is no stored API key: enter it")
    return settings.api_key


def list_instances(deps: Deps, tenant_id: str) -> list[Item]:
    """Ask the configured Omni server for its WhatsApp instances; each item has `id`, `name` and `status`, no secrets.

    Raises `BadRequest` while host or key are missing, `AddressRefused`, and
    `ProviderError` when the server refuses, fails or answers something else.
    """
    settings = forge.load(deps, tenant_id)
    if settings.host is None or settings.api_key is None:
        fields = dict.fromkeys(settings.missing, "is missing")
        raise BadRequest.of_fields(fields, between=" ")
    return _instances(deps, settings.host, settings.api_key, "omni_config.host", _is_whatsapp)


def _instances(deps: Deps, host: str, api_key: str, field: str, is_listed: Filter) -> list[Item]:
    """The instances that the filter lets through; `field` is the one of the request that holds the host."""
    forge.check_host(deps, host, field)
    if forge.is_this_hub(deps, host):
        return _items(_own_instances(deps, api_key), is_listed)
    return _fetch(deps, host.rstrip("/"), api_key, is_listed)


def _own_instances(deps: Deps, api_key: str) -> list[object]:
    """This hub's own instances of the key's tenant."""
    reader = forge.own_principal(deps, api_key)
    if not reader.may_read:
        raise forge.refused()
    items: list[object] = []
    cursor = None
    while len(items) < _MAX_INSTANCES:
        page, cursor = instances.list_after(deps, reader.tenant_id, 200, cursor)
        items += [_item_of(instance) for instance in page]
        if cursor is None:
            break
    return items


def _item_of(instance: Instance) -> Item:
    return {
        "id": instance.seq,
        "name": instance.name,
        "status": instance.status.value,
        "channel_type": instance.type.value,
        "is_default": instance.is_default,
        "phone_number": instance.phone_number,
    }


def _fetch(deps: Deps, host: str, api_key: str, is_listed: Filter) -> list[Item]:
    """Try the paths one after the other; all requests share the time-out."""
    deadline = time.monotonic() + _TIMEOUT
    reason = "none of its addresses returns a list of instances"
    for path in _PATHS:
        answer = _get(deps, f"{host}{path}", api_key, max(deadline - time.monotonic(), 0.1))
        if answer.status in (401, 403):
            raise forge.refused()
        if answer.status >= 500 or answer.status == 429:
            raise ProviderError(forge.SERVER, f"answered with status {answer.status}")
        if 300 <= answer.status < 400:
            reason = "answered with a redirect, which is not followed; give the address it leads to"
        listed = _listed(answer.json()) if answer.ok else None
        if listed is not None:
            items = _items(listed, is_listed)
            return _with_statuses(deps, f"{host}{path}", api_key, items, deadline) if path == _PATHS[0] else items
    raise ProviderError(forge.SERVER, reason)


def _with_statuses(deps: Deps, url: str, api_key: str, items: list[Item], deadline: float) -> list[Item]:
    """Fetch the first instances' statuses where the list has none: Omni-Hub has an address of its own for each."""
    if any(item["status"] != _UNKNOWN for item in items):
        return items

    def with_status(item: Item) -> Item:
        seconds = deadline - time.monotonic()
        return item | {"status": _fetch_status(deps, f"{url}/{quote(item['name'], safe='')}/status", api_key, seconds)}

    with ThreadPoolExecutor(_PARALLEL_REQUESTS) as threads:
        return [*threads.map(with_status, items[:_MAX_STATUS_REQUESTS]), *items[_MAX_STATUS_REQUESTS:]]


def _fetch_status(deps: Deps, url: str, api_key: str, seconds: float) -> str:
    if seconds <= 0:
        return _UNKNOWN
    try:
        answer = _get(deps, url, api_key, seconds)
    except (ProviderError, AddressRefused):
        return _UNKNOWN
    body = answer.json() if answer.ok else None
    return _status(body) if isinstance(body, Mapping) else _UNKNOWN


def _get(deps: Deps, url: str, api_key: str, seconds: float) -> Answer:
    headers = {"Authorization": f"Bearer {api_key}", "x-api-key": api_key, "Accept": "application/json"}
    try:
        return deps.http.request("GET", url, provider=forge.SERVER, headers=headers, timeout=seconds)
    except AddressRefused:
        raise
    except ProviderError as error:
        # A GET is harmless whatever became of it, and for the client all failures are the same.
        raise ProviderError(forge.SERVER, f"{urlsplit(url).netloc} cannot be called: {error.reason}") from error


def _listed(body: object) -> list[object] | None:
    if isinstance(body, Mapping):
        body = next((body[name] for name in _LISTS if isinstance(body.get(name), list)), None)
    return body if isinstance(body, list) else None


def _items(listed: list[object], is_listed: Filter) -> list[Item]:
    return [item for item in map(_item, listed[:_MAX_INSTANCES]) if item is not None and is_listed(item)]


def _item(raw: object) -> Item | None:
    """One instance; None for what is not one."""
    if not isinstance(raw, Mapping):
        return None
    name = next(_texts(raw, _NAMES), None)
    id_ = next(_texts(raw, _IDS), name)
    if id_ is None:
        return None
    return {**_cleaned(raw), "id": id_, "name": name or id_, "status": _status(raw)}


def _is_whatsapp(item: Item) -> bool:
    return "whatsapp" in channel_of(item).lower()


def _is_any(item: Item) -> bool:
    return True


def channel_of(raw: Mapping[str, object]) -> str:
    """The instance's channel; one without counts as WhatsApp, for the first Omni servers had no other."""
    kind = str(raw.get("type")).strip().lower().replace("-", "_")
    # On other servers `type` may mean anything, such as how WhatsApp is reached.
    default = kind if kind in set(ChannelType) else ChannelType.WHATSAPP.value
    return str(next((raw[name] for name in _CHANNELS if isinstance(raw.get(name), str)), default))


def _texts(raw: Mapping[str, object], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value = raw.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value):
            yield _storable(str(value))


def _status(raw: Mapping[str, object]) -> str:
    for name in ("status", "connection_status", "connectionStatus", "connectionState", "state"):
        value = raw.get(name)
        if isinstance(value, str) and value:
            return _STATES.get(value.lower(), _storable(value))
    inner = next((raw[n] for n in ("evolution_status", "evolutionStatus") if isinstance(raw.get(n), Mapping)), None)
    if isinstance(inner, Mapping):
        return _status({name: value for name, value in inner.items() if not isinstance(value, Mapping)})
    flags = (raw.get(name) for name in ("connected", "is_connected", "isConnected", "is_active", "isActive"))
    connected = next((flag for flag in flags if isinstance(flag, bool)), None)
    return _UNKNOWN if connected is None else "connected" if connected else "disconnected"


def _cleaned(raw: Mapping[str, object], depth: int = _MAX_DEPTH) -> Item:
    """The unknown fields without what looks like a secret; Evolution calls an instance's token `hash`."""
    return {
        _storable(str(name)): _value(value, depth)
        for name, value in raw.items()
        if not names_secret(str(name)) and name != "hash"
    }


def _value(value: object, depth: int) -> object:
    if isinstance(value, (Mapping, list)) and depth == 0:
        return None
    if isinstance(value, Mapping):
        return _cleaned(value, depth - 1)
    if isinstance(value, list):
        return [_value(item, depth - 1) for item in value]
    if isinstance(value, str):
        return _storable(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _storable(text: str) -> str:
    """Without halves of surrogate pairs, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
