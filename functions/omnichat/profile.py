"""The caller's own profile, and the business that they belong to."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.profile_schemas import BusinessOut, BusinessPatch, ProfileOut, ProfilePatch
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, own_account, protect, require
from shared.usecases.accounts import tenants, users

api = APIBlueprint(
    "omnichat_profile", __name__, vocabulary=VOCABULARY, url_prefix="/api", abp_tags=[Tag(name="OmniChat users")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("/me", responses={200: ProfileOut, 400: Failure})
def show_profile() -> Response:
    """Read one's own profile."""
    return answer(ProfileOut.of(users.own(deps(), caller())))


@api.patch("/me", responses={200: ProfileOut})
@own_account
def change_profile(body: ProfilePatch) -> Response:
    """Change what is given of one's own profile."""
    return answer(ProfileOut.of(users.change_own(deps(), caller(), body.changes())))


@api.get("/tenant", responses={200: BusinessOut})
def show_business() -> Response:
    """Read the business."""
    return answer(BusinessOut.of(tenants.read(deps(), caller().tenant_id)))


@api.patch("/tenant", responses={200: BusinessOut})
def change_business(body: BusinessPatch) -> Response:
    """Change what is given of the business."""
    require(Role.ADMIN)
    return answer(BusinessOut.of(tenants.change_settings(deps(), caller().tenant_id, body.changes())))
