"""Connecting a Telegram bot by its token alone, and having a widget at the push of a button."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import BadRequest, NotFound
from shared.usecases.instances import instance_connection, instances
from shared.usecases.instances.instances import Changes, NewInstance


def connect_bot(deps: Deps, caller: Principal, key: str | None, token: str) -> Instance:
    """Connect a bot: on the caller's channel `key`, else on the one that has the bot already, else on a new one.

    Raises `BadRequest` where that fails, and `Collision` where the bot is another tenant's. A channel that was made for
    a token that Telegram refuses is taken away again.
    """
    bot_id, config = token.partition(":")[0].strip(), {"bot_token": token}
    former = (_bot(deps, caller.tenant_id, key) if key else None) or _with_account(deps, caller.tenant_id, bot_id)
    if former is not None:
        return _connected(instances.update(deps, caller, former.id, Changes(config=config), revive=True))
    # The account is named at once: Telegram must not be told of a channel that cannot have it.
    new = NewInstance(
        channel_type=ChannelType.TELEGRAM_BOT, label="Telegram bot", config=config, external_id=bot_id or None
    )
    created = instances.create(deps, caller.tenant_id, new)
    try:
        return _connected(created)
    except BadRequest:
        instances.delete(deps, caller.tenant_id, created.id)
        raise


def _bot(deps: Deps, tenant_id: str, key: str) -> Instance | None:
    try:
        instance = instances.by_name(deps, tenant_id, key)
    except NotFound:
        return None
    return instance if instance.type is ChannelType.TELEGRAM_BOT else None


def _with_account(deps: Deps, tenant_id: str, bot_id: str) -> Instance | None:
    adapter = ChannelType.TELEGRAM_BOT.adapters[0]
    holder_id = instance_connection.account_holder(deps, adapter, bot_id) if bot_id else None
    return UnitOfWork(deps.store).instances.owned_or_none(tenant_id, holder_id) if holder_id else None


def _connected(instance: Instance) -> Instance:
    if instance.status is not InstanceStatus.CONNECTED:
        reason = str(instance.status_detail) if instance.status_detail else "could not be connected"
        raise BadRequest.of_field("bot_token", "was refused", f"the bot is not connected: {reason}")
    return instance


def oldest_widget(deps: Deps, tenant_id: str) -> Instance:
    """The tenant's oldest widget; one is made where there is none."""
    query = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.tenant_id, "==", tenant_id)
    query = query.where(lambda instance: instance.type, "==", ChannelType.WIDGET)
    widget = query.order_by(lambda instance: instance.seq).first()
    if widget is not None:
        return widget
    return instances.create(deps, tenant_id, NewInstance(channel_type=ChannelType.WIDGET, label="Widget"))
