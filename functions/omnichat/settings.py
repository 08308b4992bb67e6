"""What holds for the caller's whole tenant."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.people_schemas import SettingsOut, SettingsPatch
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect, require
from shared.usecases.accounts import tenants

api = APIBlueprint(
    "omnichat_settings",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/settings",
    abp_tags=[Tag(name="OmniChat settings")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: SettingsOut})
def show() -> Response:
    """Read the settings."""
    return answer(SettingsOut.of(tenants.read(deps(), caller().tenant_id)))


@api.patch("", responses={200: SettingsOut})
def change(body: SettingsPatch) -> Response:
    """Change what is given."""
    require(Role.ADMIN)
    changes = body.model_dump(exclude_unset=True)
    return answer(SettingsOut.of(tenants.change_settings(deps(), caller().tenant_id, changes)))
