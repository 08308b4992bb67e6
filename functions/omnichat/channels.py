"""Channel instances of the caller's tenant."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi.models import Tag

from functions.omnichat.channel_schemas import (
    BindingIn,
    BindingOut,
    ChannelHealthOut,
    ChannelIn,
    ChannelOut,
    ChannelPatch,
    ChannelPath,
    ChannelsOut,
    ChannelsQuery,
    ChannelStatusOut,
    ConnectedOut,
    StartedOut,
)
from functions.omnichat.schemas import Done
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.domain.instances import ChannelType, Instance
from shared.errors import BadRequest
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.origin import deps_with_origin
from shared.usecases.conversations import auto_reply
from shared.usecases.instances import instance_operations, instances

NEXT_CURSOR = "X-Next-Cursor"
"""Where the next page begins, as a header: the body is a bare array."""

api = APIBlueprint(
    "omnichat_channels",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/channels",
    abp_tags=[Tag(name="OmniChat channels")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.post("", responses={201: ChannelOut, 409: Failure})
def create_channel(body: ChannelIn) -> Response:
    """Make a channel and tell its provider about us."""
    require(Role.ADMIN)
    created = instances.create(deps_with_origin(), caller().tenant_id, body.to_domain())
    return answer(ChannelOut.created(created, instances.readable_credentials(deps(), created)), 201)


@api.get("", responses={200: ChannelsOut})
def list_channels(query: ChannelsQuery) -> Response:
    """List channels, oldest first, as a bare array."""
    page, cursor = instances.list_after(deps(), caller().tenant_id, query.limit, query.cursor)
    response = jsonify([channel_out(instance).model_dump(mode="json", by_alias=True) for instance in page])
    if cursor:
        response.headers[NEXT_CURSOR] = cursor
    return response


@api.get("/<id>", responses={200: ChannelOut})
def read_channel(path: ChannelPath) -> Response:
    """Read one channel."""
    return answer(channel_out(_addressed(path)))


@api.patch("/<id>", responses={200: ChannelOut, 409: Failure})
def change_channel(path: ChannelPath, body: ChannelPatch) -> Response:
    """Change what is given. A secret that comes back masked stays as it is; a disconnected channel connects again."""
    require(Role.ADMIN)
    changed = instances.update(deps_with_origin(), caller(), _managed(path).id, body.to_domain(), revive=True)
    return answer(channel_out(changed))


@api.post("/<id>/connect", responses={200: ConnectedOut, 409: Failure})
def connect_channel(path: ChannelPath) -> Response:
    """Connect a channel again; an account of WhatsApp gets a code to scan, unless it is online."""
    require(Role.ADMIN)
    reachable = deps_with_origin()
    connected = instance_operations.connect(reachable, _managed(path))
    secrets = instances.readable_credentials(deps(), connected)
    return answer(ConnectedOut.connected(connected, secrets, deps().now()))


@api.get("/<id>/status", responses={200: ChannelStatusOut})
def read_status(path: ChannelPath) -> Response:
    """Tell where a channel stands, in words of lower case."""
    return answer(ChannelStatusOut.of(_addressed(path)))


@api.get("/<id>/health", responses={200: ChannelHealthOut})
def read_health(path: ChannelPath) -> Response:
    """Tell how a channel is, why, and what is to be done about it."""
    return answer(ChannelHealthOut.of(deps_with_origin(), _addressed(path)))


@api.post("/<id>/whatsapp/start", responses={200: StartedOut})
def start_whatsapp(path: ChannelPath) -> Response:
    """Connect an account of WhatsApp; the code to scan comes by event, and in the channel's `qrCode`."""
    require(Role.ADMIN)
    instance_operations.connect(deps_with_origin(), managed_whatsapp(path.id))
    return answer(StartedOut())


@api.get("/<id>/agent-binding", responses={200: BindingOut})
def read_binding(path: ChannelPath) -> Response:
    """Tell who answers on a channel by itself."""
    return answer(BindingOut.of(auto_reply.binding(deps(), caller().tenant_id, path.id)))


@api.patch("/<id>/agent-binding", responses={200: BindingOut})
def change_binding(path: ChannelPath, body: BindingIn) -> Response:
    """Choose the AI agent that answers on a channel, or let none answer there by itself."""
    require(Role.ADMIN)
    changes = body.model_dump(exclude_unset=True)
    return answer(BindingOut.of(auto_reply.bind(deps(), caller().tenant_id, path.id, changes)))


@api.delete("/<id>", responses={200: Done})
def delete_channel(path: ChannelPath) -> Response:
    """Remove a channel."""
    require(Role.ADMIN)
    instances.delete(deps(), caller().tenant_id, _managed(path).id)
    return answer(Done())


def managed_whatsapp(key: str) -> Instance:
    """The caller's account of WhatsApp with this id or name; raises `NotFound`, and `BadRequest` for another type."""
    instance = instances.by_name(deps(), caller().tenant_id, key)
    if instance.type is not ChannelType.WHATSAPP:
        raise BadRequest("This is not a channel of type WHATSAPP")
    return instance


def channel_out(instance: Instance) -> ChannelOut:
    """The channel as the caller may see it."""
    shows_code = caller().role.covers(Role.ADMIN) and instance_operations.has_code(deps(), instance)
    code = instance.pairing if shows_code else None
    return ChannelOut.of(instance, instances.readable_credentials(deps(), instance), code)


def _managed(path: ChannelPath) -> Instance:
    return instances.by_name(deps(), caller().tenant_id, path.id)


def _addressed(path: ChannelPath) -> Instance:
    return instances.by_key(deps(), caller().tenant_id, path.id)
