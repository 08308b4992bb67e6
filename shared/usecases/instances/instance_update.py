"""Changing instances."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from shared import channels
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.instances import ChannelType, ExternalAgent, Instance, InstanceSet, InstanceStatus, WebhookHealth
from shared.errors import BadRequest, Collision, FieldName, joined
from shared.usecases.endpoints import endpoints
from shared.usecases.instances import adapter_choice, instance_config, instance_operations
from shared.usecases.instances.instance_config import AGENT_API_KEY, Parts
from shared.usecases.instances.instance_creation import hub_fields, readiness
from shared.usecases.instances.instance_documents import (
    check_external_id,
    check_label,
    get_or_add_set,
    labelled,
    own_label,
    public_metadata,
    release_account,
    release_address,
    replace_default,
    set_lock,
)
from shared.usecases.instances.instance_lookup import forget
from shared.usecases.instances.secret_moves import check_stays
from shared.usecases.instances.unlisted import SECRET as UNLISTED
from shared.usecases.instances.unlisted import Unlisted, split_metadata

_DISCONNECTED = (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change; None leaves a thing as it is.

    In `config` only the keys that are there change; null or empty removes a key, a
    mask leaves a secret as it is. `agent` holds fields of `ExternalAgent`.
    `metadata` is replaced. An empty `external_id` removes the account.
    An instance ceases to be the default only when another becomes it, so
    `is_default=False` for the default one is refused while there are others.
    """

    channel_type: ChannelType | None = None
    label: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None
    external_id: str | None = None
    agent: Mapping[str, Any] = field(default_factory=dict)
    agent_api_key: str | None = None
    session_id_prefix: str | None = None
    is_default: bool | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    before: Instance
    after: Instance
    reconnect: bool


def update(
    deps: Deps, caller: Principal, instance_id: str, changes: Changes, *, connect: bool = True, revive: bool = False
) -> Instance:
    """Change an instance; with `connect`, connect it when its configuration has changed and is complete.

    It is also connected when the configuration is the same and connecting failed the last time,
    and with `revive` when the instance has been disconnected since. An account that needs a code to scan gets one.

    Raises `NotFound`, `BadRequest` for wrong configuration, and `Collision` for
    an account that another instance has. A caller who may not read secrets has to enter
    one again when the address that it is sent to leads to another server now.
    """
    check_external_id(changes.external_id)
    check_label(changes.label)
    with set_lock:
        outcome = run_with_retry(deps, lambda unit: _update(deps, unit, caller, instance_id, changes))
    if outcome.before.adapter != outcome.after.adapter:
        instance_operations.end_former(deps, outcome.before)
    forget(deps, outcome.before)
    forget(deps, outcome.after)
    is_disconnected = revive and bool(changes.config) and outcome.after.status in _DISCONNECTED
    if connect and (outcome.reconnect or is_disconnected):
        return instance_operations.connect(deps, outcome.after)
    return outcome.after


def _update(deps: Deps, unit: UnitOfWork, caller: Principal, instance_id: str, changes: Changes) -> _Outcome:
    tenant_id = caller.tenant_id
    unit.fetch(unit.instances.key(instance_id), unit.instance_sets.key(tenant_id))
    before = unit.instances.owned(tenant_id, instance_id)
    instance_set = get_or_add_set(unit, tenant_id)
    stored = instance_config.readable_credentials(deps, before)
    former = Unlisted.of(stored)
    secrets = {name: value for name, value in stored.items() if name != UNLISTED}
    adapter = _adapter(deps, before, changes)
    new_parts = instance_config.split(adapter, changes.config)
    _overlay_agent_key(new_parts, changes)
    parts = _overlaid(before, adapter, secrets, former, new_parts)
    missing = instance_config.check(deps, tenant_id, adapter, parts)
    if not missing:
        instance_config.check_account(deps, tenant_id, adapter, parts, changes.external_id)
    metadata, unlisted_metadata = _metadata(before, changes, former)
    after = _changed(deps, before, changes, adapter, parts).model_copy(update={"metadata": metadata})
    sealed = instance_config.with_unlisted(parts, unlisted_metadata)
    if not caller.may_read_secrets:
        _check_kept_secrets(deps, before, after, set(parts.secrets) - set(new_parts.secrets))
    configured = _differs(before, secrets, after, parts)
    was_not_configured = before.status is InstanceStatus.NOT_CONFIGURED
    if configured or (was_not_configured and missing):
        after = after.model_copy(update=readiness(missing))
    _update_set(unit, instance_set, before, after, changes)
    _release_former_address(unit, before, after)
    if sealed != stored:
        deps.secrets.write(before.secret_name, sealed)
    unit.instances.put(after)
    if before.config.get("webhook_url") != after.config.get("webhook_url"):
        endpoints.follow_channel(deps, unit, after)
    account_changed = after.external_id not in (None, before.external_id)
    failed = bool(changes.config) and before.status is InstanceStatus.ERROR
    return _Outcome(before, after, (configured or account_changed or failed or was_not_configured) and not missing)


def _adapter(deps: Deps, before: Instance, changes: Changes) -> str:
    channel_type = changes.channel_type or before.type
    if channel_type is not before.type:
        return adapter_choice.chosen(deps.settings, channel_type, changes.config)
    nobody_chose = adapter_choice.is_fallback(before.adapter) and not before.config.get("provider")
    if changes.config.get("provider") or nobody_chose:
        return adapter_choice.chosen_by(channel_type, changes.config) or before.adapter
    return before.adapter


def _overlaid(before: Instance, adapter: str, secrets: Mapping[str, str], former: Unlisted, new_parts: Parts) -> Parts:
    """The former configuration and secrets with the new ones over them.

    What is unlisted is told anew: another adapter knows other fields, and an earlier version sealed none.
    """
    merged = {**before.config, **former.config}
    merged = {name: value for name, value in merged.items() if name not in new_parts.cleared}
    config = {name: value for name, value in merged.items() if instance_config.is_listed(adapter, name)}
    unlisted = {name: value for name, value in merged.items() if name not in config}
    new_names = {*new_parts.config, *new_parts.secrets, *new_parts.unlisted}
    dropped_secrets = new_parts.cleared | (new_names - set(new_parts.secrets))
    return Parts(
        {name: value for name, value in config.items() if name not in new_names} | new_parts.config,
        {name: value for name, value in secrets.items() if name not in dropped_secrets} | new_parts.secrets,
        {name: value for name, value in unlisted.items() if name not in new_names} | new_parts.unlisted,
    )


def _metadata(before: Instance, changes: Changes, former: Unlisted) -> tuple[dict[str, Any], dict[str, Any]]:
    """The known part with the label, and the unknown part."""
    metadata = public_metadata(before) | former.metadata if changes.metadata is None else changes.metadata
    listed, unknown = split_metadata(metadata, public_metadata(before) | former.metadata)
    return labelled(listed, changes.label or own_label(before)), unknown


def _overlay_agent_key(parts: Parts, changes: Changes) -> None:
    if changes.agent_api_key and not instance_config.is_mask(changes.agent_api_key):
        parts.secrets[AGENT_API_KEY] = changes.agent_api_key


def _check_kept_secrets(deps: Deps, before: Instance, after: Instance, kept_secrets: Collection[str]) -> None:
    if AGENT_API_KEY in kept_secrets:
        former_url, url = (instance.agent.api_url if instance.agent else None for instance in (before, after))
        check_stays(AGENT_API_KEY, former_url, url)
    setup = channels.channel(after.adapter).setup if after.adapter in channels.names() else None
    if setup and setup.api_key and setup.api_url and setup.api_key in kept_secrets:
        usual = instance_config.defaults(after.adapter, deps.settings).get(setup.api_url)
        # As a channel of another adapter it had no address that the secret was sent to.
        former = before.config.get(setup.api_url) or usual if before.adapter == after.adapter else None
        check_stays(setup.api_key, former, after.config.get(setup.api_url) or usual)


def _changed(deps: Deps, before: Instance, changes: Changes, adapter: str, parts: Parts) -> Instance:
    update: dict[str, Any] = {
        "type": changes.channel_type or before.type,
        "adapter": adapter,
        "config": parts.config,
        "updated_at": deps.now(),
        **(hub_fields(parts.config) if parts.config != before.config else {}),
    }
    if changes.external_id is not None:
        update["external_id"] = changes.external_id or None
    if changes.agent:
        update["agent"] = _agent(before, changes.agent)
    if changes.session_id_prefix is not None:
        update["session_id_prefix"] = changes.session_id_prefix
    return before.model_copy(update=update)


def _agent(before: Instance, fields: Mapping[str, Any]) -> ExternalAgent:
    former = before.agent.model_dump() if before.agent else {}
    try:
        return ExternalAgent(**former | dict(fields))
    except ValidationError as error:
        names = [str(entry["loc"][0]) for entry in error.errors(include_input=False)]
    missing = [FieldName(name) for name in names]
    raise BadRequest(("the external agent also needs ", *joined(missing, ", ")), dict.fromkeys(missing, "is required"))


def _differs(before: Instance, secrets: Mapping[str, str], after: Instance, parts: Parts) -> bool:
    """Whether anything has changed that matters to the provider; the agent's key does not."""
    with_key = {AGENT_API_KEY: secrets.get(AGENT_API_KEY, "")}
    same_secrets = dict(secrets) | with_key == parts.secrets | with_key
    return not same_secrets or (before.adapter, before.config) != (after.adapter, after.config)


def _update_set(
    unit: UnitOfWork, instance_set: InstanceSet, before: Instance, after: Instance, changes: Changes
) -> None:
    """Change the tenant's set, and the instance's slug and default with it."""
    if changes.is_default is False and before.is_default and instance_set.count > 1:
        raise BadRequest.of_field("is_default", "is given to another one", "make another one the default instead")
    if after.type is not before.type:
        after.slug = instance_set.take_slug(after.type)
    if changes.is_default and not before.is_default:
        replace_default(unit, instance_set, before.id, after.updated_at)
        after.is_default = True


def _release_former_address(unit: UnitOfWork, before: Instance, after: Instance) -> None:
    """Give up the former account. The new one becomes the instance's only by connecting it."""
    if before.adapter != after.adapter:
        release_account(unit, before)
        after.account, after.webhook = None, WebhookHealth()
    if (before.adapter, before.external_id) == (after.adapter, after.external_id):
        return
    if after.external_id:
        reservation = unit.instance_addresses.get(ids.instance_address(after.adapter, after.external_id))
        if reservation is not None and reservation.instance_id != before.id:
            raise Collision("this account is already connected to another channel", "external_id")
    release_address(unit, before)
