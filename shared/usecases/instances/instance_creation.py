"""Making instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared import channels
from shared.deps import Deps
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType, ExternalAgent, Instance, InstanceStatus
from shared.errors import BadRequest, Collision, HubError
from shared.ports.store import Create, Document, Write
from shared.usecases import refs
from shared.usecases.instances import instance_config, instance_connection
from shared.usecases.instances.instance_config import AGENT_API_KEY, Parts
from shared.usecases.instances.instance_documents import (
    COUNTER,
    InstanceSet,
    address_ref,
    changing,
    check_external_id,
    check_label,
    check_name,
    commit,
    dethrone,
    instance_set,
    labelled,
    name_from,
    name_ref,
    put,
    set_ref,
    varied,
)
from shared.usecases.instances.instance_lookup import forget
from shared.usecases.retrying import decide

_FASTEST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """What an instance is made of. Without `name` one is made from `label`; without `adapter`
    the one that `config.provider` names serves, else the type's own.
    """

    channel_type: ChannelType
    name: str | None = None
    label: str | None = None
    adapter: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    external_id: str | None = None
    agent: ExternalAgent | None = None
    agent_api_key: str | None = None
    session_id_prefix: str | None = None
    is_default: bool = False


def create(deps: Deps, tenant_id: str, new: NewInstance, *, connect: bool = True) -> Instance:
    """Make an instance and, with `connect`, have its provider told about us.

    A tenant's first instance is its default. What is missing in the configuration
    only keeps the instance `NOT_CONFIGURED`; what is wrong raises `BadRequest`,
    as do a bad name and one that is taken. `Collision` is for a provider's
    account that another instance has.
    """
    if new.name is not None:
        check_name(new.name)
    check_label(new.label)
    check_external_id(new.external_id)
    adapter = _adapter(new)
    parts = instance_config.split(adapter, new.config)
    if new.agent_api_key and not instance_config.is_mask(new.agent_api_key):
        parts.secrets[AGENT_API_KEY] = new.agent_api_key
    missing = instance_config.check(deps, tenant_id, adapter, parts)
    draft = _draft(deps, tenant_id, new, adapter, parts)
    created = _keep(deps, draft.model_copy(update=readiness(missing)), new, parts.secrets)
    return instance_connection.connect(deps, created) if connect and not missing else created


def _adapter(new: NewInstance) -> str:
    if new.adapter is None:
        return channels.adapter_for(new.channel_type, new.config.get("provider"))
    if new.adapter not in channels.names() or channels.channel(new.adapter).channel_type is not new.channel_type:
        raise BadRequest(f"adapter: {new.adapter!r} does not serve {new.channel_type}", {"adapter": "is not known"})
    return new.adapter


def _draft(deps: Deps, tenant_id: str, new: NewInstance, adapter: str, parts: Parts) -> Instance:
    now = deps.now()
    return Instance(
        id=new_id(),
        tenant_id=tenant_id,
        type=new.channel_type,
        adapter=adapter,
        seq=0,
        slug="",
        name=new.name or "",
        config=parts.config,
        metadata=labelled(dict(new.metadata), new.label),
        external_id=new.external_id or None,
        agent=new.agent,
        session_id_prefix=new.session_id_prefix or "",
        checked_at=now,
        created_at=now,
        updated_at=now,
        **hub_fields(parts.config),
    )


def readiness(missing: list[str]) -> dict[str, Any]:
    """The status of an instance that nobody has connected yet."""
    if not missing:
        return {"status": InstanceStatus.DISCONNECTED, "status_detail": None}
    return {"status": InstanceStatus.NOT_CONFIGURED, "status_detail": f"missing in config: {', '.join(missing)}"}


def hub_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the hub itself reads from a configuration, whatever the channel."""
    fields: dict[str, Any] = {"resend_unknown": config.get("resend_unknown", config.get("resendUnknown")) is True}
    if isinstance(config.get("phone_number"), str):
        fields["phone_number"] = config["phone_number"]
    fields["pace_per_second"] = _pace(config.get("pace_per_second", config.get("pacePerSecond")))
    return fields


def _pace(given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= _FASTEST:
        raise BadRequest(
            f"config.pace_per_second: give a number from 0 (no limit) to {_FASTEST}",
            {"config.pace_per_second": "is not such a number"},
        )
    return float(given)


def _keep(deps: Deps, draft: Instance, new: NewInstance, credentials: dict[str, str]) -> Instance:
    # The secret comes first: an instance must not be found without its credentials.
    if credentials:
        deps.secrets.write(draft.secret_name, credentials)
    try:
        with changing:
            created = decide(lambda: _commit(deps, draft, new))
    except HubError:
        deps.secrets.delete(draft.secret_name)
        raise
    forget(deps, created)
    return created


def _commit(deps: Deps, draft: Instance, new: NewInstance) -> Instance:
    of_tenant = set_ref(draft.tenant_id)
    name = draft.name or name_from(new.label or draft.type.value)
    address = address_ref(draft.adapter, draft.external_id) if draft.external_id else None
    found = deps.store.get([of_tenant, COUNTER, name_ref(name), *([address] if address else [])])
    if address in found:
        raise Collision("external_id: this account is already connected to another channel")
    tenant_set = instance_set(found.get(of_tenant))
    counter = found.get(COUNTER)
    created = _placed(draft, tenant_set, _free_name(draft, name, name_ref(name) in found), counter, new.is_default)
    writes = [put(COUNTER, counter, {"last": created.seq}), *_documents(created)]
    if created.is_default:
        writes += dethrone(deps, tenant_set, created.id)
    tenant_set.count += 1
    commit(deps, [*writes, put(of_tenant, found.get(of_tenant), tenant_set.model_dump())])
    return created


def _free_name(draft: Instance, name: str, taken: bool) -> str:
    if taken and draft.name:
        raise BadRequest(f"name: an instance named {name!r} exists already", {"name": "is taken"})
    return varied(name) if taken else name


def _placed(
    draft: Instance, tenant_set: InstanceSet, name: str, counter: Document | None, is_default: bool
) -> Instance:
    """The draft with what it gets from the others: name, numbers, and whether it is the default."""
    return draft.model_copy(
        update={
            "name": name,
            "seq": counter.data["last"] + 1 if counter else 1,
            "slug": tenant_set.take_slug(draft.type),
            "session_id_prefix": draft.session_id_prefix or f"{name}-",
            "is_default": is_default or tenant_set.count == 0,
        }
    )


def _documents(created: Instance) -> list[Write]:
    owner = {"instance_id": created.id, "tenant_id": created.tenant_id}
    writes: list[Write] = [
        Create(refs.instance(created.id), created.model_dump()),
        Create(name_ref(created.name), owner),
    ]
    return writes
