"""Passing a message on to somebody else: as its provider does it within an account, elsewhere as a copy."""

from __future__ import annotations

from dataclasses import replace

from shared.channels import channel
from shared.deps import Deps
from shared.documents.collection import of_tenant
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.content import Content, Forward
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Direction, Message, MessageKind, media_id
from shared.domain.outbox import Original
from shared.errors import NotFound, Unprocessable
from shared.usecases.conversations import media
from shared.usecases.outbox.enqueueing import Draft

_LINK_SECONDS = 86_400
"""How long the link to a file is good, which the provider or the customer fetches."""


def passing_on(
    deps: Deps, unit: UnitOfWork, tenant_id: str, draft: Draft, message_id: str, instance: Instance
) -> Draft:
    """The draft with what a message says, for this instance.

    A file that only another account's provider hands out goes by a link of the hub's own. Raises `NotFound`, and
    `Unprocessable` for a message that was deleted, a note or a reaction, and for one that says nothing, or has a file
    that nobody gets or that cannot be handed out.
    """
    record = unit.message_records.get(message_id)
    message = of_tenant(tenant_id, record if isinstance(record, Message) else None)
    if message is None:
        raise NotFound("Message not found")
    if message.deleted_at is not None:
        raise Unprocessable("this message was deleted")
    is_said = message.direction is not Direction.SYSTEM and message.kind is not MessageKind.REACTION
    if not is_said or not ((message.text or "").strip() or message.attachments):
        raise Unprocessable("there is nothing in this message that could be passed on")
    reason = next((each.unavailable for each in message.attachments if each.unavailable is not None), None)
    if reason is not None:
        raise Unprocessable(f"its file cannot be passed on: it is {reason}")
    is_here = message.instance_id == instance.id
    is_customers = message.direction is Direction.INBOUND
    return replace(
        draft,
        text=message.text,
        attachments=message.attachments if is_here else _for_others(deps, tenant_id, message),
        original=_original(unit, message) if is_here and channel(instance.adapter).capabilities.forwards else None,
        content=Content(forwarded=Forward(author=message.author_name if is_customers else None)),
    )


def _original(unit: UnitOfWork, message: Message) -> Original | None:
    """The provider's own message; None where there is none, and where there are several: parts are sent as a copy."""
    item = unit.outbox.owned_or_none(message.tenant_id, message.id)
    is_whole = item is None or (not item.open and len(item.part_ids) <= 1)
    if message.external_message_id is None or not is_whole:
        return None
    return Original(instance_id=message.instance_id, external_message_id=message.external_message_id)


def _for_others(deps: Deps, tenant_id: str, message: Message) -> list[Attachment]:
    """The attachments in a form that does not depend on the account that has them."""
    return [_for_other(deps, tenant_id, message, number) for number in range(len(message.attachments))]


def _for_other(deps: Deps, tenant_id: str, message: Message, number: int) -> Attachment:
    attachment = message.attachments[number]
    file_id = media_id(message.id, number, attachment)
    if file_id is None or attachment.url or attachment.sha256:
        return attachment
    if not deps.settings.own_address:
        raise Unprocessable("its file cannot be passed on to another channel: the hub has no address (PUBLIC_URL)")
    url = media.link(deps, tenant_id, file_id, _LINK_SECONDS).url(deps.settings.own_address or "")
    return attachment.model_copy(update={"url": url, "extra": {}})
