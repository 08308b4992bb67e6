"""Which customers have a tag: a document for each tag of each customer, written in the commit that tags him."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.deps import Deps
from shared.ports.store import Delete, Document, Merge, Where, Write
from shared.usecases import refs


def changed(customer: Document, tags: Sequence[str] | None) -> list[Write]:
    """What has to be written along when a customer's tags become these; None leaves them."""
    if tags is None:
        return []
    tenant_id, before = str(customer.data["tenant_id"]), set(customer.data.get("tags", []))
    gone = [Delete(refs.customer_tag(tenant_id, tag, customer.id)) for tag in sorted(before - set(tags))]
    return [*gone, *added(tenant_id, customer.id, [tag for tag in tags if tag not in before])]


def added(tenant_id: str, customer_id: str, tags: Iterable[str]) -> list[Write]:
    """What has to be written along when a customer gets these tags."""
    return [
        Merge(
            refs.customer_tag(tenant_id, tag, customer_id),
            {"tenant_id": tenant_id, "tag": tag, "customer_id": customer_id},
        )
        for tag in tags
    ]


def page(deps: Deps, tenant_id: str, tag: str, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
    """The ids of some customers with the tag, in no particular order, and the cursor of the next."""
    where = [Where("tenant_id", "==", tenant_id), Where("tag", "==", tag)]
    found = deps.store.find("customer_tags", where, limit=limit, cursor=cursor)
    return [str(document.data["customer_id"]) for document in found.documents], found.cursor
