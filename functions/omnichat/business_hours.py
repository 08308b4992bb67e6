"""When the business is open."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag

from functions.omnichat.schemas import Done
from functions.omnichat.service_level_schemas import (
    BusinessHoursChange,
    BusinessHoursIn,
    BusinessHoursList,
    BusinessHoursOut,
    ServiceLevelPath,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.service_levels import levels

api = APIBlueprint(
    "omnichat_business_hours",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/business-hours",
    abp_tags=[Tag(name="OmniChat business hours")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: BusinessHoursList})
def list_hours() -> Response:
    """List all business hours, the oldest first."""
    entries = levels.read(deps(), caller().tenant_id).hours
    return answer(BusinessHoursList(business_hours=[BusinessHoursOut.of(each, deps().now()) for each in entries]))


@api.post("", responses={201: BusinessHoursOut, 409: Failure})
def add_hours(body: BusinessHoursIn) -> Response:
    """Add business hours."""
    require(Role.ADMIN)
    return answer(BusinessHoursOut.of(levels.add_hours(deps(), caller().tenant_id, body.fields()), deps().now()), 201)


@api.get("/<id>", responses={200: BusinessHoursOut})
def read_hours(path: ServiceLevelPath) -> Response:
    """Read business hours."""
    return answer(BusinessHoursOut.of(levels.get_hours(deps(), caller().tenant_id, path.id), deps().now()))


@api.patch("/<id>", responses={200: BusinessHoursOut, 409: Failure})
def change_hours(path: ServiceLevelPath, body: BusinessHoursChange) -> Response:
    """Change what is given."""
    require(Role.ADMIN)
    return answer(
        BusinessHoursOut.of(levels.change_hours(deps(), caller().tenant_id, path.id, body.fields()), deps().now())
    )


@api.delete("/<id>", responses={200: Done})
def remove_hours(path: ServiceLevelPath) -> Response:
    """Remove business hours."""
    require(Role.ADMIN)
    levels.remove_hours(deps(), caller().tenant_id, path.id)
    return answer(Done())
