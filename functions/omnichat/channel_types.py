"""The ways to connect a channel, for forms that are made of them."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.channel_type_schemas import ChannelTypesOut
from functions.omnichat.vocabulary import VOCABULARY
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, protect

api = APIBlueprint(
    "omnichat_channel_types",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/channel-types",
    abp_tags=[Tag(name="OmniChat channels")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: ChannelTypesOut})
def index() -> Response:
    """List all ways to connect a channel, with what a form has to ask for."""
    return answer(ChannelTypesOut.of_all(deps().settings))
