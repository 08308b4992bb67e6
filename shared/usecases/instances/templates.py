"""The templates of a channel, as its provider keeps them.

    message_templates/{hash(instance, name, language)}   what it says, and whether it may be sent

What stands here is as old as the last time that it was synced or the provider told of it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from shared.channel.templates import ReportedTemplate, SupportsTemplates
from shared.channels import ability
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import stable_id
from shared.domain.inbound import TemplateChanged
from shared.domain.instances import Instance
from shared.domain.kinds import TemplateStatus
from shared.domain.message_templates import MessageTemplate, TemplateContent, faults, parameter_format
from shared.domain.notifications import Notification
from shared.errors import BadRequest, ChannelName, Collision, Unprocessable
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting.notifications import notify_once

MAX_PAGE = 200
_SYNCED_PAGE = 100
_MOST_PAGES = 20
_SYNC_SECONDS = 40.0
"""After this long a sync begins no further page."""

_STOPPED = frozenset({TemplateStatus.REJECTED, TemplateStatus.PAUSED, TemplateStatus.DISABLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTemplate:
    """A template to have reviewed."""

    name: str
    language: str
    category: str
    content: TemplateContent


@dataclass(frozen=True, slots=True)
class Synced:
    """How many templates a sync read and removed; `after` is where to go on, None when it has read all."""

    read: int
    removed: int
    after: str | None


def list_page(
    deps: Deps,
    tenant_id: str,
    channel_key: str,
    limit: int,
    cursor: str | None,
    status: TemplateStatus | None = None,
) -> tuple[list[MessageTemplate], str | None]:
    """The channel's templates by name, all or those of one status, and the cursor of the next page.

    Raises `NotFound` for an unknown channel.
    """
    instance = instance_lookup.by_key(deps, tenant_id, channel_key)
    query = UnitOfWork(deps.store).message_templates.query()
    query = query.where(lambda template: template.instance_id, "==", instance.id)
    if status is not None:
        query = query.where(lambda template: template.status, "==", status)
    page = query.order_by(lambda template: template.name).page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def get(deps: Deps, tenant_id: str, channel_key: str, template_id: str) -> MessageTemplate:
    """Raises `NotFound` for an unknown channel and for a template that it has not got."""
    instance = instance_lookup.by_key(deps, tenant_id, channel_key)
    return _owned(UnitOfWork(deps.store), instance, template_id)


def sync(deps: Deps, tenant_id: str, channel_key: str, after: str | None) -> Synced:
    """Read the channel's templates from its provider, from `after` on, and remove those that it has no more.

    Only a sync from the beginning to the end removes any. Raises `NotFound`, `Unprocessable` for a channel without
    templates, and a `ProviderError`.
    """
    instance = instance_lookup.by_key(deps, tenant_id, channel_key)
    module, config = _provider(deps, instance)
    began_at, give_up_at = deps.now(), time.monotonic() + _SYNC_SECONDS
    is_whole, read = after is None, 0
    for _ in range(_MOST_PAGES):
        page = module.list_templates(deps, instance, config, name=None, after=after, limit=_SYNCED_PAGE)
        store(deps, instance, page.templates, began_at)
        read, after = read + len(page.templates), page.after
        if after is None or time.monotonic() > give_up_at:
            break
    removed = _remove_older(deps, instance, began_at) if is_whole and after is None else 0
    return Synced(read, removed, after)


def refresh(deps: Deps, instance: Instance, name: str) -> None:
    """Read the templates of a name from the provider. Raises as `sync` does."""
    module, config = _provider(deps, instance)
    page = module.list_templates(deps, instance, config, name=name, after=None, limit=_SYNCED_PAGE)
    # The provider also lists templates whose names only contain it.
    store(deps, instance, [template for template in page.templates if template.name == name], deps.now())


def store(deps: Deps, instance: Instance, templates: Sequence[ReportedTemplate], at: datetime) -> None:
    """Write down what the provider says of some templates."""

    def attempt(unit: UnitOfWork) -> None:
        document_ids = [_id(instance, template) for template in templates]
        former = {each.id: each for each in unit.message_templates.owned_many(instance.tenant_id, document_ids)}
        for template, document_id in zip(templates, document_ids, strict=True):
            document = _document(instance, template, at, former.get(document_id))
            unit.message_templates.put(document)

    if templates:
        run_with_retry(deps, attempt)


def create(deps: Deps, tenant_id: str, channel_key: str, new: NewTemplate) -> MessageTemplate:
    """Check a template, have the provider review it, and keep it as pending.

    Raises `BadRequest` for what the provider would refuse, `Collision` for a name that is taken in that language,
    `Unprocessable` for a channel without templates, and a `ProviderError`.
    """
    instance = instance_lookup.by_key(deps, tenant_id, channel_key)
    module, config = _provider(deps, instance)
    reasons = faults(new.name, new.language, new.category, new.content)
    if reasons:
        raise BadRequest.of_fields(reasons, between=" ")
    document_id = ids.message_template(instance.id, new.name, new.language)
    former = UnitOfWork(deps.store).message_templates.owned_or_none(tenant_id, document_id)
    if former is not None and former.status is not TemplateStatus.DELETED:
        raise Collision("this channel has a template of this name in this language", "name")
    template = ReportedTemplate(
        external_id=None,
        name=new.name,
        language=new.language,
        category=new.category,
        status=TemplateStatus.PENDING,
        reason=None,
        quality=None,
        parameter_format=parameter_format(new.content),
        content=new.content,
    )
    store(deps, instance, [module.create_template(deps, instance, config, template)], deps.now())
    return _owned(UnitOfWork(deps.store), instance, document_id)


def delete(deps: Deps, tenant_id: str, channel_key: str, template_id: str) -> None:
    """Delete a template at the provider, and then here. Raises `NotFound` and a `ProviderError`."""
    instance = instance_lookup.by_key(deps, tenant_id, channel_key)
    unit = UnitOfWork(deps.store)
    template = _owned(unit, instance, template_id)
    module, config = _provider(deps, instance)
    module.delete_template(deps, instance, config, template.name, template.external_id)
    unit = UnitOfWork(deps.store)
    unit.message_templates.remove(template_id)
    unit.commit()


def apply_change(deps: Deps, instance: Instance, change: TemplateChanged) -> None:
    """Write down what the provider tells of a template, and notify people of one that can no longer be sent.

    One that was never synced is not known here, and stays so.
    """
    document_id = ids.message_template(instance.id, change.name, change.language)

    def attempt(unit: UnitOfWork) -> MessageTemplate | None:
        template = unit.message_templates.owned_or_none(instance.tenant_id, document_id)
        if template is None:
            return None
        if change.status is not None:
            template.status, template.reason = change.status, change.reason
        template.quality = change.quality or template.quality
        template.category = change.category or template.category
        template.updated_at = deps.now()
        return template

    template = run_with_retry(deps, attempt)
    if template is not None and change.status in _STOPPED:
        _notify(deps, instance, template)


def _notify(deps: Deps, instance: Instance, template: MessageTemplate) -> None:
    notify_once(
        deps,
        Notification(
            id=stable_id("template", template.id, template.status.value, f"{deps.now():%Y%m%d%H}"),
            tenant_id=instance.tenant_id,
            type="template_stopped",
            title="A template can no longer be sent",
            message=f"{label(instance)}: {template.refusal}",
            created_at=deps.now(),
        ),
    )


def _provider(deps: Deps, instance: Instance) -> tuple[SupportsTemplates[BaseModel], BaseModel]:
    module = ability(instance.adapter, SupportsTemplates[BaseModel])
    if module is None:
        raise Unprocessable((ChannelName(instance.type), " has no templates here"))
    return module, instance_config.load_config(deps, instance)


def _owned(unit: UnitOfWork, instance: Instance, template_id: str) -> MessageTemplate:
    template = unit.message_templates.owned(instance.tenant_id, template_id)
    # One of another channel is as unknown as any other id.
    return template if template.instance_id == instance.id else unit.message_templates.owned(instance.tenant_id, "")


def _id(instance: Instance, template: ReportedTemplate) -> str:
    return ids.message_template(instance.id, template.name, template.language)


def _document(
    instance: Instance, template: ReportedTemplate, at: datetime, former: MessageTemplate | None
) -> MessageTemplate:
    return MessageTemplate(
        id=_id(instance, template),
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        external_id=template.external_id,
        name=template.name,
        language=template.language,
        category=template.category,
        status=template.status,
        reason=template.reason,
        quality=template.quality,
        parameter_format=template.parameter_format,
        content=template.content,
        created_at=former.created_at if former else at,
        updated_at=at,
    )


def _remove_older(deps: Deps, instance: Instance, before: datetime) -> int:
    """Remove what a whole sync did not write, some at a time."""
    query = UnitOfWork(deps.store).message_templates.query()
    query = query.where(lambda template: template.instance_id, "==", instance.id)
    query = query.where(lambda template: template.updated_at, "<", before)
    page = query.order_by(lambda template: template.updated_at).page(_SYNCED_PAGE * 5)
    unit = UnitOfWork(deps.store)
    for template in page.documents:
        unit.message_templates.remove(template.id)
    unit.commit()
    return len(page.documents)
