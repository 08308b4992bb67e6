"""How instances lie in the store.

    instances/{id}                       the instance
    instance_names/{name}                whose it is; makes names unique in the deployment
    instance_addresses/{adapter}:{id}    which instance a provider's account belongs to, proved by connecting it
    instance_sets/{tenant}               default, count, next slugs; orders all changes of the tenant's set
    counters/instances                   the last `seq` given

What belongs together is written in one commit.
"""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance
from shared.domain.shown_text import misleads
from shared.errors import AlreadyExists, BadRequest, Conflict, NotFound
from shared.ports.store import Create, Delete, Document, Merge, Ref, Set, Write
from shared.usecases import refs

COUNTER = Ref("counters", "instances")
MAX_NAME = 64
MAX_EXTERNAL_ID = 255

# Contenders in one process queue here instead of wearing each other out with
# conflicts; the versions guard against other processes.
changing = threading.Lock()

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = frozenset({"supported-channels", "discover", "default"})
_LABEL = "_label"


class InstanceSet(BaseModel):
    """What must hold over all instances of a tenant."""

    default_id: str | None = None
    count: int = 0
    next_slug: dict[str, int] = Field(default_factory=dict)

    def take_slug(self, channel_type: ChannelType) -> str:
        """Give out the next `<type>-<n>`; numbers are never used again."""
        number = self.next_slug.get(channel_type.value, 1)
        self.next_slug[channel_type.value] = number + 1
        return f"{channel_type.value}-{number}"


def name_ref(name: str) -> Ref:
    return Ref("instance_names", name)


def address_ref(adapter: str, external_id: str) -> Ref:
    return Ref("instance_addresses", f"{adapter}:{quote(external_id, safe='@+:')}")


def release(deps: Deps, instance: Instance) -> list[Write]:
    """Give up the account that leads to this instance; one that leads elsewhere, or nowhere, stays as it is."""
    if not instance.external_id:
        return []
    ref = address_ref(instance.adapter, instance.external_id)
    held = deps.store.get([ref]).get(ref)
    return [Delete(ref, held.version)] if held and held.data["instance_id"] == instance.id else []


def set_ref(tenant_id: str) -> Ref:
    return Ref("instance_sets", tenant_id)


def owned(document: Document | None, tenant_id: str) -> Instance:
    """The document as that tenant's instance; raises `NotFound`, also for a foreign one."""
    if document is None or document.data.get("tenant_id") != tenant_id:
        raise NotFound("Instance not found")
    return Instance.model_validate(document.data)


def instance_set(document: Document | None) -> InstanceSet:
    return InstanceSet.model_validate(document.data) if document else InstanceSet()


def put(ref: Ref, known: Document | None, data: Mapping[str, Any]) -> Write:
    """Write over exactly what was read, were it nothing."""
    return Set(ref, data, known.version) if known else Create(ref, data)


def commit(deps: Deps, writes: Sequence[Write]) -> None:
    """Commit what was decided; a document that came into being meanwhile is a `Conflict` like any other change."""
    try:
        deps.store.commit(writes)
    except AlreadyExists as error:
        raise Conflict(error.ref) from error


def check_name(name: str) -> None:
    """Raises `BadRequest` for a name that cannot stand in a path or that a route uses."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        reason = f"use up to {MAX_NAME} letters, digits, '.', '_' or '-', beginning with a letter or digit"
        raise BadRequest(f"name: {reason}", {"name": reason})
    if name.lower() in _RESERVED:
        raise BadRequest(f"name: {name!r} is reserved", {"name": "is reserved"})


def check_label(text: str | None) -> None:
    """Raises `BadRequest` for one that does not show what it is."""
    if text and misleads(text):
        reason = "use no control characters, and none that turn the direction of writing"
        raise BadRequest(f"name: {reason}", {"name": reason})


def check_external_id(external_id: str | None) -> None:
    """Raises `BadRequest` for one that is too long to be an address."""
    if external_id and len(external_id) > MAX_EXTERNAL_ID:
        reason = f"at most {MAX_EXTERNAL_ID} characters"
        raise BadRequest(f"external_id: {reason}", {"external_id": reason})


def dethrone(deps: Deps, tenant_set: InstanceSet, heir_id: str) -> list[Write]:
    """Make another instance the set's default; the set's version keeps the former one from being deleted meanwhile."""
    former, tenant_set.default_id = tenant_set.default_id, heir_id
    if former in (None, heir_id):
        return []
    return [Merge(refs.instance(former), {"is_default": False, "updated_at": deps.now()})]


def name_from(label: str) -> str:
    """A name in the likeness of a label."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:48].strip("-")
    return varied(name or "channel") if not name or name in _RESERVED else name


def varied(name: str) -> str:
    """The same name with a random ending, for when it is taken."""
    return f"{name[:48]}-{secrets.token_hex(3)}"


def own_label(instance: Instance) -> str | None:
    """What its owner called the instance; several may have the same label, unlike `name`."""
    text = instance.metadata.get(_LABEL)
    return text if isinstance(text, str) else None


def label(instance: Instance) -> str:
    """What to call the instance before people."""
    return own_label(instance) or instance.display_name or instance.name


def labelled(metadata: Mapping[str, Any], text: str | None) -> dict[str, Any]:
    """The metadata with a label put in."""
    return {**metadata, _LABEL: text} if text else dict(metadata)


def public_metadata(instance: Instance) -> dict[str, Any]:
    """The metadata as its owner gave it."""
    return {key: value for key, value in instance.metadata.items() if key != _LABEL}
