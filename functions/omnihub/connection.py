"""An instance's connection with its provider: the code to scan, the state, and ending it."""

from __future__ import annotations

from flask_openapi.models import Tag
from werkzeug.wrappers import Response

from functions.omnihub.connection_schemas import ConnectionOut, MessageOut, OperationOut, StatusOut
from functions.omnihub.failures import answer_in_documented_statuses
from functions.omnihub.schemas import InstancePath
from shared.domain.accounts import Role
from shared.domain.instances import Instance
from shared.errors import NotConfigured, ProviderError
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.origin import deps_with_origin
from shared.usecases.instances import installing, instance_operations, instances

api = APIBlueprint("omnihub_connection", __name__, url_prefix="/api/v1/instances", abp_tags=[Tag(name="Omni-Hub")])
cors(api)
protect(api, Access.HUB)
answer_in_documented_statuses(api)


@api.get("/<instance_name>/qr", responses={200: ConnectionOut})
def read_qr(path: InstancePath) -> Response:
    """Give a code to scan, or the link that connects a channel of another type.

    `status` is `error` where the provider cannot be asked; `message` says why.
    """
    require(Role.ADMIN)
    instance = _named(path)
    if not instance_operations.can_pair(instance):
        return answer(ConnectionOut.linked(instance, installing.links(deps_with_origin(), instance)))
    try:
        return answer(ConnectionOut.scannable(instance_operations.pair(deps_with_origin(), instance)))
    except NotConfigured:
        raise
    except ProviderError as error:
        return answer(ConnectionOut.failed(instance, error.detail))


@api.get("/<instance_name>/status", responses={200: StatusOut})
def read_status(path: InstancePath) -> Response:
    """Ask the provider how the connection stands; `error` where it cannot be asked."""
    instance = _named(path)
    try:
        return answer(StatusOut.of(instance_operations.status(deps(), instance)))
    except ProviderError as error:
        return answer(StatusOut.failed(instance, error.detail))


@api.post("/<instance_name>/connect", responses={200: MessageOut})
def connect(path: InstancePath) -> Response:
    """Connect the account again; `message` says how it stands now."""
    connected = instance_operations.connect(deps_with_origin(), _managed(path))
    return answer(MessageOut.of(connected))


@api.post("/<instance_name>/disconnect", responses={200: MessageOut})
def disconnect(path: InstancePath) -> Response:
    """End the connection, as `/logout` does."""
    return answer(MessageOut.of(instance_operations.logout(deps(), _managed(path))))


@api.post("/<instance_name>/restart", responses={200: OperationOut, 409: Failure})
def restart(path: InstancePath) -> Response:
    """Begin the connection anew."""
    instance_operations.restart(deps_with_origin(), _managed(path))
    return answer(OperationOut(message="Instance restarted successfully", status="restarting"))


@api.post("/<instance_name>/logout", responses={200: OperationOut})
def logout(path: InstancePath) -> Response:
    """End the connection."""
    instance_operations.logout(deps(), _managed(path))
    return answer(OperationOut(message="Instance logged out successfully", status="disconnected"))


@api.delete("/<instance_name>/channel", responses={200: OperationOut})
def remove_channel(path: InstancePath) -> Response:
    """Delete the instance at its provider; the record stays."""
    instance_operations.remove(deps(), _managed(path))
    return answer(OperationOut(message="Instance deleted from channel service", status="deleted"))


def _named(path: InstancePath) -> Instance:
    return instances.by_key(deps(), caller().tenant_id, path.instance_name)


def _managed(path: InstancePath) -> Instance:
    require(Role.ADMIN)
    return instances.by_name(deps(), caller().tenant_id, path.instance_name)
