"""Messages that are quoted: the hub knows them by the id that LINE gave them."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import Message


def quote_token(deps: Deps, instance: Instance, external_message_id: str) -> str | None:
    """The token by which a customer's message is quoted; None where the hub has none."""
    record = UnitOfWork(deps.store).message_records.get(ids.provider_message(instance.id, external_message_id))
    token = record.extra.get("quote_token") if isinstance(record, Message) else None
    return token if isinstance(token, str) else None
