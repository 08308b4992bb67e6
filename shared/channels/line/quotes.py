"""Messages that are quoted: the hub knows them by the id that LINE gave them."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageAlias, MessagePlace


def is_ours(deps: Deps, instance: Instance, external_message_id: str) -> bool:
    """Whether the account itself wrote the message."""
    place = _place(deps, instance, external_message_id)
    return isinstance(place, MessageAlias) or (isinstance(place, Message) and place.direction is Direction.OUTBOUND)


def quote_token(deps: Deps, instance: Instance, external_message_id: str) -> str | None:
    """The token by which a customer's message is quoted; None where the hub has none."""
    place = _place(deps, instance, external_message_id)
    token = place.extra.get("quote_token") if isinstance(place, Message) else None
    return token if isinstance(token, str) else None


def _place(deps: Deps, instance: Instance, external_message_id: str) -> MessagePlace | None:
    return UnitOfWork(deps.store).message_places.get(ids.provider_message(instance.id, external_message_id))
