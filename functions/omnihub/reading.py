"""Reading the chats and contacts of an instance, as tools for later Omni servers do."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnihub.reading_schemas import (
    ChatOut,
    ChatPath,
    ChatsOut,
    ChatsQuery,
    ContactOut,
    ContactPath,
    ContactsOut,
    ContactsQuery,
    PageQuery,
)
from functions.omnihub.schemas import InstancePath
from shared.domain.instances import Instance
from shared.errors import BadRequest, NotFound
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect
from shared.usecases.conversations import client_names
from shared.usecases.conversations.client_names import Person
from shared.usecases.instances import instances
from shared.usecases.overview import chats
from shared.usecases.overview.chats import NumberedPage

api = APIBlueprint("omnihub_reading", __name__, url_prefix="/api/v1/instances", abp_tags=[Tag(name="Omni-Hub")])
cors(api)
protect(api, Access.HUB)


@api.get("/<instance_name>/chats", responses={200: ChatsOut})
def list_chats(path: InstancePath, query: ChatsQuery) -> Response:
    """List an instance's chats, the latest message first."""
    instance = _named(path.instance_name)
    if _is_elsewhere(instance, query) or query.chat_type_filter in ("channel", "thread"):
        return answer(ChatsOut.of(instance, query, NumberedPage([], 0, has_more=False)))
    is_group = query.chat_type_filter == "group" if query.chat_type_filter else None
    page = chats.chats(deps(), instance, query.page, query.page_size, is_group, query.archived)
    return answer(ChatsOut.of(instance, query, page))


@api.get("/<instance_name>/chats/<chat_id>", responses={200: ChatOut})
def read_chat(path: ChatPath) -> Response:
    """Read one chat."""
    instance = _named(path.instance_name)
    return answer(ChatOut.of(instance, chats.chat(deps(), instance, path.chat_id)))


@api.get("/<instance_name>/contacts", responses={200: ContactsOut})
def list_contacts(path: InstancePath, query: ContactsQuery) -> Response:
    """List whom an instance has an address of, the newest first. Who is online is unknown."""
    instance = _named(path.instance_name)
    if _is_elsewhere(instance, query) or query.status_filter not in (None, "unknown"):
        return answer(ContactsOut.of(instance, query, NumberedPage([], 0, has_more=False)))
    page = chats.contacts(deps(), instance, query.page, query.page_size, query.search_query)
    return answer(ContactsOut.of(instance, query, page))


@api.get("/<instance_name>/contacts/<contact_id>", responses={200: ContactOut})
def read_contact(path: ContactPath) -> Response:
    """Read one contact, by their address or their customer's id."""
    instance = _named(path.instance_name)
    try:
        _, identity = client_names.profile(deps(), instance, Person(user_id=path.contact_id))
    except BadRequest:
        raise NotFound("There is no such contact") from None  # it cannot be an address there
    if identity is None:
        raise NotFound("this customer has no address on this channel")
    return answer(ContactOut.of(instance, identity))


def _is_elsewhere(instance: Instance, query: PageQuery) -> bool:
    """Whether only what is on another type of channel is asked for."""
    return query.channel_type not in (None, instance.type)


def _named(instance_name: str) -> Instance:
    return instances.by_key(deps(), caller().tenant_id, instance_name)
