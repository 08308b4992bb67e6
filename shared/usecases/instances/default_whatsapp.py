"""The WhatsApp instance of requests that name none."""

from __future__ import annotations

from shared import channels
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import ChannelType, Instance
from shared.errors import BadRequest, NotFound
from shared.usecases.instances import adapter_choice, instance_config, instances
from shared.usecases.instances.instance_documents import MAX_NAME
from shared.usecases.instances.instances import NewInstance


def find(deps: Deps, tenant_id: str) -> Instance | None:
    """The tenant's default instance if it is a WhatsApp one, else its only WhatsApp instance."""
    candidates = _candidates(deps, tenant_id)
    return candidates[0] if len(candidates) == 1 else None


def find_or_make(deps: Deps, tenant_id: str) -> Instance | None:
    """Like `find`, but a tenant without any WhatsApp instance gets one, where that needs nothing more than a scan."""
    candidates = _candidates(deps, tenant_id)
    if candidates or not _needs_only_a_scan(deps):
        return candidates[0] if len(candidates) == 1 else None
    # The name is always the same, so that of two requests only one makes it.
    name = f"whatsapp-{tenant_id}"[:MAX_NAME]
    try:
        return _make(deps, tenant_id, name=name)
    except BadRequest:
        # Else somebody has the name who is no WhatsApp instance of this tenant.
        return find(deps, tenant_id) or _make(deps, tenant_id, label=name)


def _make(deps: Deps, tenant_id: str, **naming: str) -> Instance:
    new = NewInstance(channel_type=ChannelType.WHATSAPP, **naming)  # type: ignore[arg-type]  # name or label
    return instances.create(deps, tenant_id, new, connect=False)


def _needs_only_a_scan(deps: Deps) -> bool:
    """Whether the settings give all else that an instance needs: a server and its key, or a socket of ours."""
    adapter = adapter_choice.chosen(deps.settings, ChannelType.WHATSAPP, {})
    setup = channels.channel(adapter).setup
    needs = {field for field in (setup.api_url, setup.api_key) if field}
    return needs <= instance_config.defaults(adapter, deps.settings).keys()


def _candidates(deps: Deps, tenant_id: str) -> list[Instance]:
    try:
        default = instances.get_default(deps, tenant_id)
    except NotFound:
        return []
    if default.type is ChannelType.WHATSAPP:
        return [default]
    query = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.tenant_id, "==", tenant_id)
    query = query.where(lambda instance: instance.type, "==", ChannelType.WHATSAPP)
    return query.order_by(lambda instance: instance.seq).page(limit=2).documents
