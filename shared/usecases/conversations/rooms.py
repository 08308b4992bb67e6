"""Letting people into a conversation's room: the tenant's own by their credential, customers by a ticket."""

from __future__ import annotations

from pydantic import BaseModel

from shared.channel.rooms import Admission, RoomsModule
from shared.channels import ability
from shared.deps import Deps
from shared.documents.collection import of_tenant
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.instances import Instance
from shared.errors import BadRequest, Collision, NotFound, Unauthorized, Unprocessable
from shared.security.tokens import GuestClaims, unverified, verify
from shared.usecases.instances import instance_config, instance_lookup


def admit_agent(deps: Deps, tenant_id: str, conversation_id: str, agent_id: str) -> Admission:
    """Let somebody of the tenant in.

    Raises `NotFound` for an unknown or foreign conversation, `Unprocessable`
    where it has no room, `Collision` when it is closed, or a `ProviderError`.
    """
    conversation = UnitOfWork(deps.store).conversations.owned(tenant_id, conversation_id)
    return _admit(deps, conversation, f"agent-{agent_id}")


def admit_guest(deps: Deps, ticket: str) -> Admission:
    """Let in the customer whose ticket it is; raises `Unauthorized` for one that is not ours, or no longer valid."""
    unverified_claims = unverified(ticket, GuestClaims)
    instance_id = unverified_claims.instance_id if unverified_claims else None
    instance = instance_lookup.find_cached(deps, instance_id=instance_id) if instance_id else None
    key = _guest_key(deps, instance)
    if key is None or instance is None:
        raise Unauthorized("Invalid or expired token")
    claims = verify(ticket, key, GuestClaims, deps.now())
    if of_tenant(claims.tenant_id, instance) is None:
        raise Unauthorized("Invalid or expired token")
    conversation = UnitOfWork(deps.store).conversations.owned(claims.tenant_id, claims.conversation_id)
    return _admit(deps, conversation, f"customer-{claims.user_id}")


def _guest_key(deps: Deps, instance: Instance | None) -> str | None:
    rooms = ability(instance.adapter, RoomsModule[BaseModel]) if instance else None
    if instance is None or rooms is None:
        return None
    return rooms.guest_key(instance_config.load_config(deps, instance))


def _admit(deps: Deps, conversation: Conversation, identity: str) -> Admission:
    try:
        instance = instance_lookup.by_id(deps, conversation.tenant_id, conversation.instance_id)
    except NotFound:
        raise Unprocessable("the session's channel is gone") from None
    rooms = ability(instance.adapter, RoomsModule[BaseModel])
    if rooms is None:
        raise Unprocessable("a session on this channel has no room")
    if conversation.status is ConversationStatus.CLOSED:
        raise Collision("the session is resolved: set it active first")
    try:
        config = instance_config.load_config(deps, instance)
    except BadRequest as error:
        raise Unprocessable(error.detail) from None
    return rooms.admit(deps, instance, config, conversation, identity)
