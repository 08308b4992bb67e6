"""The addresses under which Forge's builds of September 2025 call the same things, each answer in an envelope."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.forge.schemas import (
    OmniChannel,
    OmniChannelsOut,
    OmniServerIn,
    OmniTrial,
    OmniTrialOut,
    TestMessageOut,
)
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.failure_fields import add_to_failures
from shared.http.guards import Access, caller, protect, require
from shared.usecases.forge import forge_instances, forge_messages

api = APIBlueprint("forge_omni", __name__, url_prefix="/api/omni", abp_tags=[Tag(name="Forge")])
cors(api)
protect(api, Access.DASHBOARD)
add_to_failures(api, {"success": False})


@api.get("/instances", responses={200: OmniChannelsOut, 400: Failure, 502: Failure})
def list_omni_channels() -> Response:
    """List the WhatsApp instances of the configured Omni server in the form of its dialogs."""
    listed = forge_instances.list_instances(deps(), caller().tenant_id)
    return answer(OmniChannelsOut(data=list(map(OmniChannel.of, listed))))


@api.post("/validate", responses={200: OmniTrialOut})
def try_omni_server(body: OmniServerIn) -> Response:
    """Try a server and a key before they are saved."""
    require(Role.AGENT)
    trial = forge_instances.try_server(deps(), caller().tenant_id, body.host, body.api_key)
    return answer(OmniTrialOut(data=OmniTrial.of(trial)))


@api.post("/test", responses={200: TestMessageOut, 400: Failure, 404: Failure, 422: Failure, 502: Failure})
def send_test_message() -> Response:
    """Send a test message to the configured recipient by the configured instance."""
    require(Role.AGENT)
    forge_messages.send_test_message(deps(), caller().tenant_id)
    return answer(TestMessageOut(data="Test notification sent successfully"))
