"""Setting up a tenant's channel of a type without naming one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared import channels
from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.domain.ids import stable_id
from shared.domain.instances import ChannelType, Instance
from shared.errors import BadRequest
from shared.usecases.instances import adapter_choice, type_channels
from shared.usecases.instances.adapter_choice import API_KEY
from shared.usecases.instances.instances import Changes, NewInstance, create, update

PROVIDER = "provider"


def configure(
    deps: Deps,
    caller: Principal,
    channel_type: ChannelType,
    values: Mapping[str, Any],
    *,
    spellings: Sequence[str] = (),
    label: str | None = None,
) -> Instance:
    """Change the tenant's default (else oldest) channel of the type, or make its first one; then connect it.

    `api_key` becomes the credential that the channel's provider wants. A
    `provider` (WhatsApp: `evolution`, `cloud` or `web`) means its channels alone. Only the
    given keys change. With `spellings` (see `type_channels.chosen`) that channel is
    meant. Raises `NotFound` for an unknown one, `BadRequest` for wrong configuration
    as `update` does.
    """
    tenant_id = caller.tenant_id
    instances = _fitting(deps, tenant_id, channel_type, values)
    if spellings:
        return _change(deps, caller, type_channels.chosen(instances, spellings), values, label)
    if instances:
        return _change(deps, caller, instances[0], values, label)
    try:
        return _create(deps, tenant_id, channel_type, values, label, _first_name(deps, tenant_id, channel_type, values))
    except BadRequest:
        if instances := _fitting(deps, tenant_id, channel_type, values):
            return _change(deps, caller, instances[0], values, label)
    # What has the name was once made here, and is of another type by now; any other reason is a reason here, too.
    return _create(deps, tenant_id, channel_type, values, label, None)


def _first_name(deps: Deps, tenant_id: str, channel_type: ChannelType, values: Mapping[str, Any]) -> str:
    """The same for two that come at once: names are unique, so the second one finds what the first has made."""
    adapter = adapter_choice.chosen(deps.settings, channel_type, values)
    made_of = adapter if values.get(PROVIDER) else channel_type.value
    return f"{channel_type.value}-{stable_id('configured', tenant_id, made_of)[:12]}"


def _fitting(deps: Deps, tenant_id: str, channel_type: ChannelType, values: Mapping[str, Any]) -> list[Instance]:
    """The channels of the type, of a named provider those that speak to it."""
    instances = type_channels.of_type(deps, tenant_id, channel_type)
    if not values.get(PROVIDER):
        return instances
    adapter = channels.adapter_for(channel_type, values[PROVIDER])
    return [instance for instance in instances if instance.adapter == adapter]


def _change(
    deps: Deps, caller: Principal, instance: Instance, values: Mapping[str, Any], label: str | None
) -> Instance:
    changes = Changes(config=with_credential(instance.adapter, values), label=label)
    return update(deps, caller, instance.id, changes, revive=True)


def _create(
    deps: Deps,
    tenant_id: str,
    channel_type: ChannelType,
    values: Mapping[str, Any],
    label: str | None,
    name: str | None,
) -> Instance:
    adapter = adapter_choice.chosen(deps.settings, channel_type, values)
    new = NewInstance(
        channel_type=channel_type,
        name=name,
        label=label or channels.channel(adapter).setup.title,
        config=with_credential(adapter, values),
    )
    return create(deps, tenant_id, new)


def with_credential(adapter: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with `api_key` under the name that the adapter has for it."""
    config = dict(values)
    field = channels.channel(adapter).setup.api_key
    if field and API_KEY in config:
        config[field] = config.pop(API_KEY)
    return config
