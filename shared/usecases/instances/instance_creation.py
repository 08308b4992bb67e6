"""Creating instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.field_names import snake_case
from shared.domain.ids import new_id
from shared.domain.instance_options import HubOptions
from shared.domain.instances import (
    ChannelType,
    ExternalAgent,
    Instance,
    InstanceSet,
    InstanceStatus,
    NameReservation,
)
from shared.domain.status_details import DetailCode, StatusDetail
from shared.errors import BadRequest, ChannelName, Collision, HubError
from shared.usecases.endpoints import endpoints
from shared.usecases.instances import adapter_choice, instance_config, instance_connection
from shared.usecases.instances.instance_config import AGENT_API_KEY, Parts
from shared.usecases.instances.instance_documents import (
    check_external_id,
    check_label,
    check_name,
    get_or_add_set,
    labelled,
    name_from,
    replace_default,
    set_lock,
    varied,
)
from shared.usecases.instances.instance_lookup import forget
from shared.usecases.instances.unlisted import split_metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """The fields of a new instance. Without `name` one is made from `label`; without `adapter`
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
    """Create an instance and, with `connect`, connect it with its provider.

    A tenant's first instance is its default. What is missing in the configuration
    only keeps the instance `NOT_CONFIGURED`; what is wrong raises `BadRequest`,
    as do a bad name and one that another instance has. `Collision` is for a
    provider's account that another instance has.
    """
    if new.name is not None:
        check_name(new.name)
    check_label(new.label)
    check_external_id(new.external_id)
    adapter = _adapter(deps, new)
    parts = instance_config.split(adapter, new.config)
    if new.agent_api_key and not instance_config.is_mask(new.agent_api_key):
        parts.secrets[AGENT_API_KEY] = new.agent_api_key
    missing = instance_config.check(deps, tenant_id, adapter, parts)
    if not missing:
        instance_config.check_account(deps, tenant_id, adapter, parts, new.external_id)
    metadata, unlisted_metadata = split_metadata(new.metadata, {})
    draft = _draft(deps, tenant_id, new, adapter, parts).model_copy(
        update={"metadata": labelled(metadata, new.label), **readiness(missing)}
    )
    sealed = instance_config.with_unlisted(parts, unlisted_metadata)
    created = _store(deps, draft, new, sealed)
    return instance_connection.connect(deps, created) if connect and not missing else created


def _adapter(deps: Deps, new: NewInstance) -> str:
    if new.adapter is None:
        return adapter_choice.chosen(deps.settings, new.channel_type, new.config)
    if new.adapter not in new.channel_type.adapters:
        raise BadRequest.of_field(
            "adapter", "is not known", (f"{new.adapter!r} does not serve ", ChannelName(new.channel_type))
        )
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
    detail = StatusDetail(code=DetailCode.MISSING_CONFIG, fields=missing)
    return {"status": InstanceStatus.NOT_CONFIGURED, "status_detail": detail}


def hub_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """The instance's fields that a configuration sets; raises `BadRequest` for a wrong option."""
    try:
        options = HubOptions.of(config)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name, reason = snake_case(str(first["loc"][0])), first["msg"].removeprefix("Value error, ")
        raise BadRequest.of_field(f"config.{name}", "cannot be used", reason) from None
    fields = options.model_dump(include={"resend_unknown", "pace_per_second", "replies_per_second"})
    return fields | ({"phone_number": options.phone_number} if options.phone_number is not None else {})


def _store(deps: Deps, draft: Instance, new: NewInstance, credentials: dict[str, str]) -> Instance:
    # The secret comes first: nobody may read an instance whose credentials are missing.
    if credentials:
        deps.secrets.write(draft.secret_name, credentials)
    try:
        with set_lock:
            created = run_with_retry(deps, lambda unit: _add(deps, unit, draft, new))
    except HubError:
        deps.secrets.delete(draft.secret_name)
        raise
    forget(deps, created)
    return created


def _add(deps: Deps, unit: UnitOfWork, draft: Instance, new: NewInstance) -> Instance:
    """Add the draft with its name, its numbers, and whether it is the default."""
    base_name = draft.name or name_from(new.label or draft.type.value)
    address_id = ids.instance_address(draft.adapter, draft.external_id) if draft.external_id else None
    unit.fetch(
        unit.instance_sets.key(draft.tenant_id),
        unit.instance_names.key(base_name),
        *([unit.instance_addresses.key(address_id)] if address_id else []),
    )
    if address_id and unit.instance_addresses.get(address_id) is not None:
        raise Collision("this account is already connected to another channel", "external_id")
    instance_set = get_or_add_set(unit, draft.tenant_id)
    name = _free_name(unit, draft, base_name)
    instance = draft.model_copy(
        update={
            "name": name,
            "seq": _next_number(unit, instance_set),
            "slug": instance_set.take_slug(draft.type),
            "session_id_prefix": draft.session_id_prefix or f"{name}-",
            "is_default": new.is_default or instance_set.count == 0,
        }
    )
    unit.instances.add(instance)
    unit.instance_names.add(NameReservation(tenant_id=instance.tenant_id, instance_id=instance.id), name)
    if instance.is_default:
        replace_default(unit, instance_set, instance.id, instance.created_at)
    instance_set.count += 1
    if instance.config.get("webhook_url"):
        endpoints.follow_channel(deps, unit, instance)
    return instance


def _free_name(unit: UnitOfWork, draft: Instance, name: str) -> str:
    if unit.instance_names.get(name) is None:
        return name
    if draft.name:
        reason = f"an instance named {name!r} exists already, or is still being deleted at its provider"
        raise BadRequest.of_field("name", "is taken", reason)
    return varied(name)


def _next_number(unit: UnitOfWork, instance_set: InstanceSet) -> int:
    """The tenant's next number: one of all tenants would tell how many instances there are."""
    if instance_set.last_number is None:
        is_new = not instance_set.next_slug
        former = None if is_new else unit.instance_sequence.get(ids.INSTANCE_SEQUENCE)
        instance_set.last_number = former.last if former else 0
    instance_set.last_number += 1
    return instance_set.last_number
