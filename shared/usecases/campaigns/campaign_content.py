"""What a campaign says: on each channel, and to each customer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pydantic import BaseModel

from shared.answering.pieces import messages_of
from shared.channel.templates import SupportsTemplates
from shared.channels import ability, channel, names
from shared.deps import Deps
from shared.documents import ids
from shared.documents.query import Key
from shared.documents.unit_of_work import UnitOfWork
from shared.domain import placeholders
from shared.domain.campaigns import Campaign
from shared.domain.customers import Customer
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.domain.message_templates import MessageTemplate, mismatch
from shared.domain.messages import Span
from shared.domain.outbox import Template
from shared.errors import BadRequest, HubError
from shared.usecases.instances import templates, type_channels

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~])")
_MOST_ACCOUNTS = 10
"""Accounts of a type whose provider is asked about a template before a launch."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one customer is sent: the text, or a template that the hub shows as the text."""

    text: str
    template: Template | None = None
    spans: list[Span] | None = None


def check(campaign: Campaign) -> None:
    """Refuse placeholders that cannot be filled for anybody; raises `BadRequest`, which names the field."""
    for text in (campaign.message, *_texts_of_channels(campaign)):
        fault = placeholders.fault(text)
        if fault is not None:
            field = "message" if text is campaign.message else "settings"
            raise BadRequest.of_field(field, fault, f"what the campaign says {fault}")
    for template in _templates_of_channels(campaign):
        fault = next(filter(None, map(placeholders.template_fault, placeholders.texts_of(template))), None)
        if fault is not None:
            raise BadRequest.of_field("settings", fault, f"what the campaign says {fault}")


def _texts_of_channels(campaign: Campaign) -> Iterable[str]:
    for settings in json.loads(campaign.settings).values():
        yield from (text for key in ("text", "template") if isinstance(text := settings.get(key), str))
    for template in _templates_of_channels(campaign):
        yield from placeholders.texts_of(template)


def _templates_of_channels(campaign: Campaign) -> Iterable[Template]:
    templates = (campaign.template_on(ChannelType(name)) for name in json.loads(campaign.settings))
    return (template for template in templates if template is not None)


def template_for(campaign: Campaign, instance: Instance) -> Template | None:
    """The template that is sent on a channel, not filled yet."""
    if instance.adapter not in names() or not channel(instance.adapter).capabilities.templates:
        return None
    return campaign.template_on(instance.type)


def can_carry(campaign: Campaign, instance: Instance) -> bool:
    """Whether there is something to say on a channel."""
    if instance.adapter not in names():
        return False
    return template_for(campaign, instance) is not None or bool(campaign.text_on(instance.type).strip())


def for_customer(campaign: Campaign, instance: Instance, customer: Customer) -> Content:
    """Raises `placeholders.ValueMissing` for a customer without a value that has no fallback, and where without the
    value nothing is left to say.
    """
    content = _filled(campaign, instance, customer)
    if content.template is None and not content.text.strip():
        raise placeholders.ValueMissing("message")
    return content


def _filled(campaign: Campaign, instance: Instance, customer: Customer) -> Content:
    template = template_for(campaign, instance)
    if template is not None:
        text = placeholders.preview(campaign.message, customer).strip()
        return Content(text, placeholders.filled_template(template, customer))
    text = campaign.text_on(instance.type)
    if campaign.is_markdown and instance.options.may_be_markdown:
        return _styled(placeholders.filled(text, customer, _escaped), instance)
    return Content(placeholders.filled(text, customer).strip())


def _escaped(value: str) -> str:
    """A customer's value in Markdown: what looks like a mark in it is none."""
    return _MARKS.sub(r"\\\1", value)


def _styled(text: str, instance: Instance) -> Content:
    whole = replace(channel(instance.adapter).capabilities, in_one_piece=True)
    parts = messages_of(text, whole, is_markdown=True)
    # A campaign is one message: what is too long to be one goes out as it is written, and the provider judges it.
    plain, spans = parts[0] if len(parts) == 1 else (text.strip(), None)
    return Content(plain, spans=spans)


@dataclass(frozen=True, slots=True)
class Plan:
    """Through which accounts a campaign goes, and for each with a template where that lies in the store."""

    campaign: Campaign
    instances: Sequence[Instance]
    template_ids: Mapping[str, str]

    def keys(self, unit: UnitOfWork) -> list[Key]:
        """What `refusals` reads, to be fetched with other documents."""
        return [unit.message_templates.key(template_id) for template_id in dict.fromkeys(self.template_ids.values())]

    def refusals(self, unit: UnitOfWork) -> dict[str, str]:
        """Why accounts cannot send their template now, by their ids."""
        ids_by_account, tenant_id = self.template_ids, self.campaign.tenant_id
        stored = {each.id: each for each in unit.message_templates.owned_many(tenant_id, ids_by_account.values())}
        refusals = (
            (instance.id, _refusal(self.campaign, instance, stored.get(ids_by_account[instance.id])))
            for instance in self.instances
            if instance.id in ids_by_account
        )
        return {instance_id: refusal for instance_id, refusal in refusals if refusal is not None}

    def obstacle(self, refusals: Mapping[str, str]) -> str | None:
        """Why no account can send the campaign, by their refusals; None where one can, or none has a template."""
        able = [each for each in self.instances if each.id not in refusals and can_carry(self.campaign, each)]
        return None if able else next(iter(refusals.values()), None)


def plan(deps: Deps, campaign: Campaign) -> Plan:
    """One query."""
    instances = _instances(deps, campaign)
    templates_by_account = ((instance, template_for(campaign, instance)) for instance in instances)
    template_ids = {
        instance.id: ids.message_template(instance.id, template.name, template.language)
        for instance, template in templates_by_account
        if template is not None
    }
    return Plan(campaign, instances, template_ids)


def _instances(deps: Deps, campaign: Campaign) -> list[Instance]:
    usable = [
        instance
        for instance in type_channels.every(deps, campaign.tenant_id)
        if instance.type in campaign.channels and instance.status is not InstanceStatus.NOT_CONFIGURED
    ]
    return usable[: _MOST_ACCOUNTS * len(campaign.channels)]


def refresh_templates(deps: Deps, campaign: Campaign) -> None:
    """Ask the providers how the campaign's templates stand now. Where one cannot be asked, the hub goes by what it
    heard last.
    """
    for instance in _instances(deps, campaign):
        template = template_for(campaign, instance)
        if template is None or ability(instance.adapter, SupportsTemplates[BaseModel]) is None:
            continue
        if instance.config.get("business_account_id") is None:
            continue
        with suppress(HubError):
            templates.refresh(deps, instance, template.name)


def _refusal(campaign: Campaign, instance: Instance, template: MessageTemplate | None) -> str | None:
    """Why an account cannot send the campaign's template; one that the hub does not hear of may be there."""
    filling = template_for(campaign, instance)
    if filling is None:
        return None
    if template is None:
        hears_of_templates = instance.config.get("business_account_id") is not None
        absent = f"there is no template {filling.name} ({filling.language}) on {instance.slug}: sync its templates"
        return absent if hears_of_templates else None
    return template.refusal or mismatch(template, filling)


def channels_without_message(campaign: Campaign) -> Sequence[ChannelType]:
    """The channels on which there is nothing to say."""
    return [
        type_
        for type_ in campaign.channels
        if not campaign.text_on(type_).strip() and campaign.template_on(type_) is None
    ]
