"""Changing instances."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from shared import channels
from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.domain.instances import ChannelType, ExternalAgent, Instance, InstanceStatus
from shared.errors import BadRequest, Collision
from shared.ports.store import Document, Set, Write
from shared.usecases import refs
from shared.usecases.instances import instance_config, instance_connection
from shared.usecases.instances.instance_config import AGENT_API_KEY, Parts
from shared.usecases.instances.instance_creation import hub_fields, readiness
from shared.usecases.instances.instance_documents import (
    InstanceSet,
    address_ref,
    changing,
    check_external_id,
    check_label,
    commit,
    dethrone,
    instance_set,
    labelled,
    own_label,
    owned,
    put,
    release,
    set_ref,
)
from shared.usecases.instances.instance_lookup import forget
from shared.usecases.instances.secret_moves import check_stays
from shared.usecases.retrying import decide

_LOST = (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change; None leaves a thing as it is.

    In `config` only the given keys change; null or empty takes a key away, a
    mask leaves a secret as it is. `agent` holds fields of `ExternalAgent`.
    `metadata` is replaced. An empty `external_id` takes the account away.
    `is_default` can only be given: it leaves an instance when another gets it,
    so False for the default one is refused while there are others.
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
    """Change an instance; when its configuration changed and is complete, and `connect`, its provider is told.

    It is told too when what is given is the same and connecting failed the last time,
    and with `revive` also when the instance has been disconnected since.

    Raises `NotFound`, `BadRequest` for wrong configuration, and `Collision` for
    an account that another instance has. Who may not read secrets has to give one
    again whose address leads to another server now.
    """
    check_external_id(changes.external_id)
    check_label(changes.label)
    with changing:
        outcome = decide(lambda: _commit(deps, caller, instance_id, changes))
    forget(deps, outcome.before)
    forget(deps, outcome.after)
    lost = revive and bool(changes.config) and outcome.after.status in _LOST
    if connect and (outcome.reconnect or lost):
        return instance_connection.connect(deps, outcome.after)
    return outcome.after


def _commit(deps: Deps, caller: Principal, instance_id: str, changes: Changes) -> _Outcome:
    tenant_id = caller.tenant_id
    ref, of_tenant = refs.instance(instance_id), set_ref(tenant_id)
    found = deps.store.get([ref, of_tenant])
    before = owned(found.get(ref), tenant_id)
    tenant_set = instance_set(found.get(of_tenant))
    secrets = instance_config.credentials(deps, before)
    adapter = before.adapter
    if changes.channel_type not in (None, before.type):
        adapter = channels.adapter_for(changes.channel_type or before.type, changes.config.get("provider"))
    elif changes.config.get("provider"):
        adapter = channels.adapter_for(before.type, changes.config["provider"])
    given = instance_config.split(adapter, changes.config)
    _overlay_agent_key(given, changes)
    parts = _overlaid(before, secrets, given)
    missing = instance_config.check(deps, tenant_id, adapter, parts)
    after = _changed(deps, before, changes, adapter, parts)
    if not caller.may_read_secrets:
        _check_kept_secrets(deps, before, after, set(parts.secrets) - set(given.secrets))
    configured = _differs(before, secrets, after, parts)
    waits = before.status is InstanceStatus.NOT_CONFIGURED
    if configured or (waits and missing):
        after = after.model_copy(update=readiness(missing))
    writes = _set_writes(deps, before, after, changes, tenant_set, found.get(of_tenant))
    writes += _address_writes(deps, before, after)
    if parts.secrets != secrets:
        deps.secrets.write(before.secret_name, parts.secrets)
    commit(deps, [Set(ref, after.model_dump(), found[ref].version), *writes])
    wished = after.external_id not in (None, before.external_id)
    failed = bool(changes.config) and before.status is InstanceStatus.ERROR
    return _Outcome(before, after, (configured or wished or failed or waits) and not missing)


def _overlaid(before: Instance, secrets: Mapping[str, str], given: Parts) -> Parts:
    kept = {name: value for name, value in before.config.items() if name not in given.cleared | set(given.secrets)}
    held = {name: value for name, value in secrets.items() if name not in given.cleared | set(given.config)}
    return Parts(kept | given.config, held | given.secrets)


def _overlay_agent_key(parts: Parts, changes: Changes) -> None:
    if changes.agent_api_key and not instance_config.is_mask(changes.agent_api_key):
        parts.secrets[AGENT_API_KEY] = changes.agent_api_key


def _check_kept_secrets(deps: Deps, before: Instance, after: Instance, kept: Collection[str]) -> None:
    if AGENT_API_KEY in kept:
        check_stays(AGENT_API_KEY, *(each.agent.api_url if each.agent else None for each in (before, after)))
    spoken = channels.channel(after.adapter) if after.adapter in channels.names() else None
    if spoken and spoken.api_key and spoken.api_url and spoken.api_key in kept:
        usual = spoken.defaults(deps.settings).get(spoken.api_url)
        # As a channel of another adapter it had no address that the secret was sent to.
        former = before.config.get(spoken.api_url) or usual if before.adapter == after.adapter else None
        check_stays(spoken.api_key, former, after.config.get(spoken.api_url) or usual)


def _changed(deps: Deps, before: Instance, changes: Changes, adapter: str, parts: Parts) -> Instance:
    update: dict[str, Any] = {
        "type": changes.channel_type or before.type,
        "adapter": adapter,
        "config": parts.config,
        "updated_at": deps.now(),
        **(hub_fields(parts.config) if parts.config != before.config else {}),
    }
    if changes.metadata is not None or changes.label:
        public = before.metadata if changes.metadata is None else dict(changes.metadata)
        update["metadata"] = labelled(public, changes.label or own_label(before))
    if changes.external_id is not None:
        update["external_id"] = changes.external_id or None
    if changes.agent:
        update["agent"] = _agent(before, changes.agent)
    if changes.session_id_prefix is not None:
        update["session_id_prefix"] = changes.session_id_prefix
    return before.model_copy(update=update)


def _agent(before: Instance, given: Mapping[str, Any]) -> ExternalAgent:
    former = before.agent.model_dump() if before.agent else {}
    try:
        return ExternalAgent.model_validate(former | dict(given))
    except ValidationError as error:
        names = [str(entry["loc"][0]) for entry in error.errors(include_input=False)]
    raise BadRequest(f"the external agent also needs {', '.join(names)}", dict.fromkeys(names, "is required"))


def _differs(before: Instance, secrets: Mapping[str, str], after: Instance, parts: Parts) -> bool:
    """Whether the provider may have to be told; the agent's key is none of its business."""
    with_key = {AGENT_API_KEY: secrets.get(AGENT_API_KEY, "")}
    same_secrets = dict(secrets) | with_key == parts.secrets | with_key
    return not same_secrets or (before.adapter, before.config) != (after.adapter, after.config)


def _set_writes(
    deps: Deps,
    before: Instance,
    after: Instance,
    changes: Changes,
    tenant_set: InstanceSet,
    document: Document | None,
) -> list[Write]:
    """What changes in the tenant's set; `after` gets its new place in it."""
    if changes.is_default is False and before.is_default and tenant_set.count > 1:
        raise BadRequest("is_default: make another one the default instead", {"is_default": "is given to another one"})
    writes: list[Write] = []
    if after.type is not before.type:
        after.slug = tenant_set.take_slug(after.type)
    if changes.is_default and not before.is_default:
        writes += dethrone(deps, tenant_set, before.id)
        after.is_default = True
    if after.slug != before.slug or after.is_default is not before.is_default:
        writes.append(put(set_ref(before.tenant_id), document, tenant_set.model_dump()))
    return writes


def _address_writes(deps: Deps, before: Instance, after: Instance) -> list[Write]:
    """Give up the former account. The new one is only wished for: connecting proves it."""
    if (before.adapter, before.external_id) == (after.adapter, after.external_id):
        return []
    if after.external_id:
        wanted = address_ref(after.adapter, after.external_id)
        held = deps.store.get([wanted]).get(wanted)
        if held is not None and held.data["instance_id"] != before.id:
            raise Collision("external_id: this account is already connected to another channel")
    return release(deps, before)
