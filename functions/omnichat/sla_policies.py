"""How soon the business answers, and what is due."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag

from functions.omnichat.schemas import Done
from functions.omnichat.service_level_schemas import (
    ServiceLevelPath,
    SlaPoliciesOut,
    SlaPolicyChange,
    SlaPolicyIn,
    SlaPolicyOut,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect, require
from shared.usecases.service_levels import levels

api = APIBlueprint(
    "omnichat_sla_policies",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/sla-policies",
    abp_tags=[Tag(name="OmniChat SLA policies")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: SlaPoliciesOut})
def list_policies() -> Response:
    """List all policies, the oldest first."""
    entries = levels.read(deps(), caller().tenant_id).policies
    return answer(SlaPoliciesOut(sla_policies=[SlaPolicyOut.of(each) for each in entries]))


@api.post("", responses={201: SlaPolicyOut})
def add_policy(body: SlaPolicyIn) -> Response:
    """Add a policy."""
    require(Role.ADMIN)
    return answer(SlaPolicyOut.of(levels.add_policy(deps(), caller().tenant_id, body.fields())), 201)


@api.get("/<id>", responses={200: SlaPolicyOut})
def read_policy(path: ServiceLevelPath) -> Response:
    """Read a policy."""
    return answer(SlaPolicyOut.of(levels.get_policy(deps(), caller().tenant_id, path.id)))


@api.patch("/<id>", responses={200: SlaPolicyOut})
def change_policy(path: ServiceLevelPath, body: SlaPolicyChange) -> Response:
    """Change what is given."""
    require(Role.ADMIN)
    return answer(SlaPolicyOut.of(levels.change_policy(deps(), caller().tenant_id, path.id, body.fields())))


@api.delete("/<id>", responses={200: Done})
def remove_policy(path: ServiceLevelPath) -> Response:
    """Remove a policy."""
    require(Role.ADMIN)
    levels.remove_policy(deps(), caller().tenant_id, path.id)
    return answer(Done())
