"""Forge's settings, and the instances of the Omni server that they name."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.forge.schemas import (
    ForgeProjectSettings,
    ForgeProjectSettingsIn,
    OmniInstance,
    OmniInstances,
    SavedSettings,
)
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.forge import forge, forge_instances

api = APIBlueprint("forge", __name__, url_prefix="/api/forge", abp_tags=[Tag(name="Forge")])
cors(api)
protect(api, Access.DASHBOARD)


@api.get("/config", responses={200: ForgeProjectSettings})
def read_config() -> Response:
    """Read the settings; what was never saved has its default."""
    return answer(ForgeProjectSettings.of(forge.load(deps(), caller().tenant_id), clear=caller().may_read_secrets))


@api.put("/config", responses={200: SavedSettings, 409: Failure})
def write_config(body: ForgeProjectSettingsIn) -> Response:
    """Replace the settings. Forge's own client shows no credential, so an anonymous tenant's agent may do this."""
    require(Role.AGENT)
    new = body.to_domain()
    saved = forge.save(deps(), caller(), new)
    clear = caller().may_read_secrets or new.api_key is not None
    return answer(SavedSettings(**ForgeProjectSettings.of(saved, clear=clear).model_dump(), success=True))


@api.get("/omni/instances", responses={200: OmniInstances, 400: Failure, 502: Failure})
def list_omni_instances() -> Response:
    """List the WhatsApp instances of the configured Omni server, whether Omni is enabled or not."""
    listed = forge_instances.list_instances(deps(), caller().tenant_id)
    return answer(OmniInstances(instances=[OmniInstance.model_validate(item) for item in listed]))
