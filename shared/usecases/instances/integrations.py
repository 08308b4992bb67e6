"""Trying a credential at its provider, without keeping it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from shared import channels
from shared.channel.lifecycle import SupportsProbe
from shared.deps import Deps
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import BadRequest, Detail, HubError, ProviderError
from shared.usecases.instances import adapter_choice, instance_config, type_channels
from shared.usecases.instances.adapter_choice import API_KEY
from shared.usecases.instances.channel_setup import PROVIDER, with_credential
from shared.usecases.instances.instance_config import Parts
from shared.usecases.instances.providers import carried_by, types_by_provider

SUCCESS = "Connection successful"


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome; `latency` is the provider's in whole milliseconds, 0 when it was not asked."""

    success: bool
    result: Detail
    latency: int


def settings_of(types: Iterable[ChannelType]) -> list[str]:
    """What the channels of the types are configured with, in every spelling."""
    models = (instance_config.model_of(adapter) for channel_type in types for adapter in channel_type.adapters)
    return [PROVIDER, *(name for model in models for name in instance_config.field_names(model))]


def try_credential(deps: Deps, tenant_id: str, channel_type: ChannelType, values: Mapping[str, Any]) -> Trial:
    """Call the provider of a channel type with the given credential; without one, with the stored ones.

    What is given is neither stored nor logged. Stored credentials are never sent
    to an address that is given along. A type that has no credential works when
    its channel is connected.
    """
    instances = type_channels.of_type(deps, tenant_id, channel_type)
    adapter = _adapter(deps, channel_type, values, instances)
    if channels.ability(adapter, SupportsProbe[BaseModel]) is None:
        return _without_credential(instances)
    stored = next((instance for instance in instances if instance.adapter == adapter), None)
    instance = stored or _draft(deps, tenant_id, channel_type, adapter)
    try:
        if values.get(API_KEY):
            config = _merged_config(deps, instance, values)
        elif stored is not None:
            config = instance_config.load_config(deps, stored)
        else:
            return Trial(False, "api_key is missing, and no channel of this type is configured", 0)
    except HubError as error:
        return Trial(False, error.parts, 0)
    return _try(deps, instance, config)


def _without_credential(instances: Sequence[Instance]) -> Trial:
    """Where there is nothing to try, how the channel stands is the answer."""
    best = type_channels.best(instances)
    if best is None:
        return Trial(False, "no channel of this type is configured", 0)
    if best.status is InstanceStatus.CONNECTED:
        return Trial(True, SUCCESS, 0)
    return Trial(False, f"the channel is {best.status.value.replace('_', ' ')}", 0)


def try_provider(deps: Deps, tenant_id: str, provider: str, values: Mapping[str, Any]) -> Trial:
    """The same with a provider behind several types: a type that the tenant has a channel of is tried."""
    instances = carried_by(provider, type_channels.every(deps, tenant_id))
    usual = types_by_provider()[provider]
    tried = next((instance.type for instance in instances), usual[0])
    return try_credential(deps, tenant_id, tried, {**values, PROVIDER: provider})


def _adapter(deps: Deps, channel_type: ChannelType, values: Mapping[str, Any], instances: Sequence[Instance]) -> str:
    """That of the provider which is named, else of the channel that the tenant has, else the type's own."""
    if not values.get(PROVIDER) and instances:
        return instances[0].adapter
    return adapter_choice.chosen(deps.settings, channel_type, values)


def _draft(deps: Deps, tenant_id: str, channel_type: ChannelType, adapter: str) -> Instance:
    now = deps.now()
    return Instance(
        id=new_id(),
        tenant_id=tenant_id,
        type=channel_type,
        adapter=adapter,
        seq=0,
        slug="",
        name="test",
        created_at=now,
        updated_at=now,
    )


def _merged_config(deps: Deps, instance: Instance, values: Mapping[str, Any]) -> BaseModel:
    """What was given over what is stored and not secret; raises `BadRequest`."""
    parts = instance_config.split(instance.adapter, with_credential(instance.adapter, values))
    if not all(secret.isascii() and secret.isprintable() for secret in parts.secrets.values()):
        raise BadRequest("api_key holds characters that no credential has")
    whole = Parts(instance.config | parts.config, parts.secrets)
    if missing := instance_config.check(deps, instance.tenant_id, instance.adapter, whole):
        raise BadRequest(f"{', '.join(missing)} is missing")
    model = channels.channel(instance.adapter).config
    return instance_config.build(
        deps.settings, instance.tenant_id, instance.adapter, model, whole.config, whole.secrets
    )


def _try(deps: Deps, instance: Instance, config: BaseModel) -> Trial:
    module = channels.ability(instance.adapter, SupportsProbe[BaseModel])
    started = time.perf_counter()
    message, success = SUCCESS, True
    try:
        if module is not None:
            module.probe(deps, instance, config)
    except ProviderError as error:
        message, success = _without_secrets(config, error.reason), False
    except (BadRequest, ValueError):
        # What the look-up of a host name cannot encode is a ValueError.
        message, success = "the address cannot be called", False
    return Trial(success, message, round((time.perf_counter() - started) * 1000))


def _without_secrets(config: BaseModel, text: str) -> str:
    """Some servers quote what they were sent."""
    for value in dict(config).values():
        if isinstance(value, SecretStr) and value:
            text = text.replace(value.get_secret_value(), "***")
    return text
