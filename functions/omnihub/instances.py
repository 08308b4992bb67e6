"""Instances: making, reading, changing, removing, and the default one."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, jsonify
from flask_openapi.models import Tag

from functions.omnihub.channel_list_schemas import ChannelListOut, ChannelListQuery, DiscoveryOut
from functions.omnihub.schemas import (
    SUPPORTED,
    ChannelsQuery,
    DetailedInstanceOut,
    InstanceIn,
    InstanceOut,
    InstancePatch,
    InstancePath,
    InstanceQuery,
    InstancesOut,
    InstancesQuery,
    ReadInstanceOut,
    SupportedChannelsOut,
)
from shared.domain.accounts import Role
from shared.domain.instances import ChannelType, Instance
from shared.errors import BadRequest
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, only_reads, protect, require
from shared.http.origin import deps_with_origin
from shared.usecases.instances import instance_lookup, instances
from shared.usecases.instances.instance_config import mask

api = APIBlueprint("omnihub_instances", __name__, url_prefix="/api/v1/instances", abp_tags=[Tag(name="Omni-Hub")])
cors(api)
protect(api, Access.HUB)


@api.get("/supported-channels", responses={200: SupportedChannelsOut})
def supported_channels(query: ChannelsQuery) -> Response:
    """List the channel types."""
    listed = list(ChannelType) if query.include == "all" else SUPPORTED
    return answer(SupportedChannelsOut(supported_channels=listed, total_channels=len(listed)))


@api.post("", responses={201: InstanceOut})
def create_instance(body: InstanceIn) -> Response:
    """Make an instance, and let Evolution make its own."""
    require(Role.ADMIN)
    _check_addresses(body)
    created = instances.create(deps_with_origin(), caller().tenant_id, body.to_domain())
    return answer(_instance_out(created, body.model_dump()), 201)


@api.get("", responses={200: InstancesOut}, strict_slashes=True)
def list_instances(query: InstancesQuery) -> Response:
    """List instances, oldest first, as a bare array."""
    page = instances.list_page(deps(), caller().tenant_id, query.skip, query.limit, query.types)
    return jsonify([_detailed(instance, query).model_dump(mode="json") for instance in page])


@api.get("/", responses={200: ChannelListOut}, strict_slashes=True)
def list_channels(query: ChannelListQuery) -> Response:
    """List instances as later servers do at this address with a slash at its end: what each can do, and how it is."""
    page = instances.list_page(deps(), caller().tenant_id, limit=instance_lookup.MAX_PAGE, types=query.types)
    return answer(ChannelListOut.of(page))


@api.post("/discover", responses={200: DiscoveryOut})
@only_reads
def discover() -> Response:
    """Tell which instances there are. Other servers look for accounts at Evolution, whose key opens all of them."""
    page = instances.list_page(deps(), caller().tenant_id, limit=instance_lookup.MAX_PAGE)
    return answer(DiscoveryOut.of(page))


@api.get("/<instance_name>", responses={200: ReadInstanceOut})
def read_instance(path: InstancePath, query: InstanceQuery) -> Response:
    """Read one instance."""
    return answer(_detailed(_named(path), query))


@api.put("/<instance_name>", responses={200: InstanceOut})
def change_instance(path: InstancePath, body: InstancePatch) -> Response:
    """Change what is given. A secret that comes back masked stays as it is."""
    require(Role.ADMIN)
    _check_addresses(body)
    instance = _managed(path)
    if body.name not in (None, instance.name):
        raise BadRequest.of_field("name", "an instance keeps its name; make another one instead")
    changed = instances.update(deps_with_origin(), caller(), instance.id, body.to_domain())
    return answer(_instance_out(changed, body.model_dump()))


@api.delete("/<instance_name>", responses={204: None})
def delete_instance(path: InstancePath) -> Response:
    """Remove an instance; the last one stays."""
    require(Role.ADMIN)
    instances.delete(deps(), caller().tenant_id, _managed(path).id, keep_last=True)
    return Response(status=204)


@api.get("/<instance_name>/default", responses={200: InstanceOut})
def read_default(path: InstancePath) -> Response:
    """Read the default instance, whatever instance is named."""
    return answer(_instance_out(instances.get_default(deps(), caller().tenant_id)))


@api.post("/<instance_name>/set-default", responses={200: InstanceOut})
def set_default(path: InstancePath) -> Response:
    """Make an instance the default one."""
    require(Role.ADMIN)
    return answer(_instance_out(instances.set_default(deps(), caller().tenant_id, _managed(path).id)))


def _check_addresses(body: InstanceIn | InstancePatch) -> None:
    for field, url in (("evolution_url", body.evolution_url), ("agent_api_url", body.agent_api_url)):
        if url:
            deps().http.check(url, field)


def _managed(path: InstancePath) -> Instance:
    return instances.by_name(deps(), caller().tenant_id, path.instance_name)


def _named(path: InstancePath) -> Instance:
    return instances.by_key(deps(), caller().tenant_id, path.instance_name)


def _detailed(instance: Instance, query: InstanceQuery) -> InstanceOut:
    documented = _instance_out(instance)
    if query.include_status is None:
        return documented
    return DetailedInstanceOut.detailed(instance, documented, with_status=query.include_status)


def _instance_out(instance: Instance, sent: Mapping[str, object] | None = None) -> InstanceOut:
    """The instance with secrets in clear for those who may read them, or who have just sent them."""
    secrets = instances.readable_credentials(deps(), instance)
    if not caller().may_read_secrets:
        own_secrets = sent or {}
        secrets = {name: value if own_secrets.get(name) == value else mask(value) for name, value in secrets.items()}
    return InstanceOut.of(instance, secrets)
