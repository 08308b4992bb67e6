"""Forge's settings, and the instances of the Omni server that they name."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.forge.schemas import (
    ForgeProjectSettings,
    ForgeProjectSettingsIn,
    ForgeSettingsOut,
    OmniInstance,
    OmniInstances,
    OmniInstancesOut,
    OmniServerIn,
    OmniTrial,
)
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.failure_fields import add_to_failures
from shared.http.guards import Access, caller, protect, require
from shared.usecases.forge import forge, forge_instances

api = APIBlueprint("forge", __name__, url_prefix="/api/forge", abp_tags=[Tag(name="Forge")])
cors(api)
protect(api, Access.DASHBOARD)
add_to_failures(api, {"success": False})


@api.get("/config", responses={200: ForgeSettingsOut})
def read_config() -> Response:
    """Read the settings; what was never saved has its default."""
    settings = ForgeProjectSettings.of(forge.load(deps(), caller().tenant_id), clear=caller().may_read_secrets)
    return answer(ForgeSettingsOut.enveloped(settings))


@api.put("/config", responses={200: ForgeSettingsOut, 409: Failure})
def write_config(body: ForgeProjectSettingsIn) -> Response:
    """Replace the settings. Forge's own client shows no credential, so an anonymous tenant's agent may do this."""
    require(Role.AGENT)
    new = body.to_domain()
    saved = forge.save(deps(), caller(), new)
    clear = caller().may_read_secrets or new.api_key is not None
    return answer(ForgeSettingsOut.enveloped(ForgeProjectSettings.of(saved, clear=clear)))


@api.get("/omni/instances", responses={200: OmniInstancesOut, 400: Failure, 502: Failure})
def list_omni_instances() -> Response:
    """List the WhatsApp instances of the configured Omni server, whether Omni is enabled or not."""
    listed = forge_instances.list_instances(deps(), caller().tenant_id)
    instances = OmniInstances(instances=[OmniInstance.of(item) for item in listed])
    return answer(OmniInstancesOut(instances=instances.instances, data=instances))


@api.post("/omni/validate", responses={200: OmniTrial})
def validate_omni(body: OmniServerIn) -> Response:
    """Try a server and a key before they are saved; `valid` is false, with the reason, where they do not work."""
    require(Role.AGENT)
    return answer(OmniTrial.of(forge_instances.try_server(deps(), caller().tenant_id, body.host, body.api_key)))
