"""A chat has a new address at its provider."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import ChatMoved, Sender
from shared.domain.instances import Instance
from shared.usecases.identities import resolution


def move_chat(deps: Deps, instance: Instance, moved: ChatMoved) -> None:
    """Have both addresses lead to the same conversation; what is sent to the chat from now on goes to the new one.

    An address that is not stored has no chat to move.
    """
    run_with_retry(deps, lambda unit: _move(deps, unit, instance, moved))


def _move(deps: Deps, unit: UnitOfWork, instance: Instance, moved: ChatMoved) -> None:
    new_address = moved.new_external_conversation_id
    resolution.fetch(unit, instance, [moved.chat_key, new_address])
    if resolution.at_address(unit, instance, moved.chat_key) is None:
        return
    is_repeated = _are_one(unit, instance, moved.chat_key, new_address)
    sender = Sender(external_user_id=new_address, keys=(moved.chat_key, new_address))
    chat = resolution.resolve(deps, unit, instance, sender)
    if is_repeated and chat.external_user_id != moved.chat_key:
        return  # The chat may have moved on since.
    chat.external_user_id = new_address
    unit.identities.expect_unchanged(chat)
    if chat.conversation_id:
        unit.conversations.patch(
            chat.conversation_id, external_conversation_id=new_address, external_user_id=new_address
        )


def _are_one(unit: UnitOfWork, instance: Instance, key: str, other_key: str) -> bool:
    identity = resolution.at_address(unit, instance, key)
    other = resolution.at_address(unit, instance, other_key)
    if identity is None or other is None:
        return False
    return resolution.address_owner(unit, identity).id == resolution.address_owner(unit, other).id
