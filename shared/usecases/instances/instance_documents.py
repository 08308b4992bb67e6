"""How instances are stored, and what they are called.

    instances/{id}                       the instance
    instance_names/{name}                the instance of that name; makes names unique in the deployment
    instance_addresses/{adapter}:{id}    the instance of a provider's account, proved by connecting it
    instance_sets/{tenant}               default, count, next slugs; orders all changes of the tenant's set
    counters/instances                   the last `seq`

What belongs together is written in one commit.
"""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import AddressReservation, Instance, InstanceSet
from shared.domain.shown_text import misleads
from shared.errors import BadRequest, Collision

MAX_NAME = 64
MAX_EXTERNAL_ID = 255

set_lock = threading.Lock()
"""Hold this while a tenant's set of instances is changed: in one process changes queue instead of conflicting.

The documents' versions guard against other processes.
"""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = frozenset({"supported-channels", "discover", "default"})
_LABEL = "_label"


def get_or_add_set(unit: UnitOfWork, tenant_id: str) -> InstanceSet:
    return unit.instance_sets.get(tenant_id) or unit.instance_sets.add(InstanceSet(), tenant_id)


def replace_default(unit: UnitOfWork, instance_set: InstanceSet, instance_id: str, now: datetime) -> None:
    """Make another instance the set's default.

    The set's version keeps the former one from being deleted meanwhile.
    """
    former_id, instance_set.default_id = instance_set.default_id, instance_id
    if former_id not in (None, instance_id):
        unit.instances.patch(former_id, is_default=False, updated_at=now)


def release_address(unit: UnitOfWork, instance: Instance) -> None:
    """Give up the provider's id that belongs to this instance; one of another instance stays as it is."""
    _release(unit, instance, instance.external_id)


def release_account(unit: UnitOfWork, instance: Instance) -> None:
    """Give up the account at a server that belongs to this instance."""
    _release(unit, instance, instance.account)


def _release(unit: UnitOfWork, instance: Instance, address: str | None) -> None:
    if not address:
        return
    address_id = ids.instance_address(instance.adapter, address)
    reservation = unit.instance_addresses.get(address_id)
    if reservation is not None and reservation.instance_id == instance.id:
        unit.instance_addresses.remove(address_id)


def reserve(unit: UnitOfWork, instance: Instance, address: str) -> None:
    """Make a provider's id or account belong to this instance; raises `Collision` for another instance's."""
    address_id = ids.instance_address(instance.adapter, address)
    reservation = unit.instance_addresses.get(address_id)
    if reservation is None:
        unit.instance_addresses.add(AddressReservation(instance_id=instance.id), address_id)
    elif reservation.instance_id != instance.id:
        raise Collision("this account is already connected to another channel")


def check_name(name: str) -> None:
    """Raises `BadRequest` for a name that cannot stand in a path or that a route uses."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        reason = f"use up to {MAX_NAME} letters, digits, '.', '_' or '-', beginning with a letter or digit"
        raise BadRequest.of_field("name", reason)
    if name.lower() in _RESERVED:
        raise BadRequest.of_field("name", "is reserved", f"{name!r} is reserved")


def check_label(text: str | None) -> None:
    """Raises `BadRequest` for a label with characters that hide or reorder text."""
    if text and misleads(text):
        reason = "use no control characters, and none that turn the direction of writing"
        raise BadRequest.of_field("name", reason)


def check_external_id(external_id: str | None) -> None:
    """Raises `BadRequest` for one that is too long to be an address."""
    if external_id and len(external_id) > MAX_EXTERNAL_ID:
        reason = f"at most {MAX_EXTERNAL_ID} characters"
        raise BadRequest.of_field("external_id", reason)


def name_from(label: str) -> str:
    """A name made from a label."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:48].strip("-")
    return varied(name or "channel") if not name or name in _RESERVED else name


def varied(name: str) -> str:
    """The name with a random ending, for when another instance has it."""
    return f"{name[:48]}-{secrets.token_hex(3)}"


def own_label(instance: Instance) -> str | None:
    """What its owner calls the instance; several may have the same label, unlike `name`."""
    text = instance.metadata.get(_LABEL)
    return text if isinstance(text, str) else None


def label(instance: Instance) -> str:
    """What to call the instance in texts for people."""
    return own_label(instance) or instance.display_name or instance.name


def labelled(metadata: Mapping[str, Any], text: str | None) -> dict[str, Any]:
    """The metadata with a label put in."""
    return {**metadata, _LABEL: text} if text else dict(metadata)


def public_metadata(instance: Instance) -> dict[str, Any]:
    """The metadata as its owner set it."""
    return {key: value for key, value in instance.metadata.items() if key != _LABEL}
