"""API keys of the caller's tenant."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.people_schemas import KeyCreated, KeyIn, KeyOut, KeysOut, PageQuery, UserPath
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect, require
from shared.usecases.accounts import api_keys

api = APIBlueprint(
    "omnichat_keys", __name__, vocabulary=VOCABULARY, url_prefix="/api/keys", abp_tags=[Tag(name="OmniChat keys")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.post("", responses={201: KeyCreated})
def create(body: KeyIn) -> Response:
    """Make a key; this answer alone holds it. It may do no more than its maker."""
    require(Role.ADMIN)
    created = api_keys.create(deps(), caller(), body.name, body.role, body.scopes, body.expires_at)
    return answer(KeyCreated.of_credential(*created), 201)


@api.get("", responses={200: KeysOut})
def index(query: PageQuery) -> Response:
    """List keys, oldest first."""
    require(Role.ADMIN)
    page, cursor = api_keys.list_keys(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(KeysOut(keys=[KeyOut.of(key) for key in page], next_cursor=cursor))


@api.delete("/<id>", responses={204: None})
def revoke(path: UserPath) -> Response:
    """End a key; other processes refuse it within half a minute."""
    require(Role.ADMIN)
    api_keys.revoke(deps(), caller(), path.id)
    return Response(status=204)
