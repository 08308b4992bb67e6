"""Channel instances of the caller's tenant."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi.models import Tag

from functions.omnichat.channel_schemas import (
    ChannelIn,
    ChannelOut,
    ChannelPatch,
    ChannelPath,
    ChannelsOut,
    ChannelsQuery,
    ConnectedOut,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.domain.instances import Instance
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.origin import deps_with_origin
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
    response = jsonify([_channel_out(instance).model_dump(mode="json", by_alias=True) for instance in page])
    if cursor:
        response.headers[NEXT_CURSOR] = cursor
    return response


@api.get("/<id>", responses={200: ChannelOut})
def read_channel(path: ChannelPath) -> Response:
    """Read one channel."""
    return answer(_channel_out(_addressed(path)))


@api.patch("/<id>", responses={200: ChannelOut, 409: Failure})
def change_channel(path: ChannelPath, body: ChannelPatch) -> Response:
    """Change what is given. A secret that comes back masked stays as it is; a disconnected channel connects again."""
    require(Role.ADMIN)
    changed = instances.update(deps_with_origin(), caller(), _managed(path).id, body.to_domain(), revive=True)
    return answer(_channel_out(changed))


@api.post("/<id>/connect", responses={200: ConnectedOut, 409: Failure})
def connect_channel(path: ChannelPath) -> Response:
    """Connect a channel again; an account of WhatsApp gets a code to scan, unless it is online."""
    require(Role.ADMIN)
    reachable = deps_with_origin()
    connected = instance_operations.connect(reachable, _managed(path))
    secrets = instances.readable_credentials(deps(), connected)
    return answer(ConnectedOut.connected(connected, secrets, deps().now()))


@api.delete("/<id>", responses={204: None})
def delete_channel(path: ChannelPath) -> Response:
    """Remove a channel."""
    require(Role.ADMIN)
    instances.delete(deps(), caller().tenant_id, _managed(path).id)
    return Response(status=204)


def _managed(path: ChannelPath) -> Instance:
    return instances.by_name(deps(), caller().tenant_id, path.id)


def _addressed(path: ChannelPath) -> Instance:
    return instances.by_key(deps(), caller().tenant_id, path.id)


def _channel_out(instance: Instance) -> ChannelOut:
    return ChannelOut.of(instance, instances.readable_credentials(deps(), instance))
