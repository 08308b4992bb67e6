"""Templates of a channel: what its provider has approved to be sent at any time."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag

from functions.omnichat.schemas import Done
from functions.omnichat.template_schemas import (
    ChannelTemplatePath,
    ChannelTemplatesPath,
    MessageTemplateOut,
    MessageTemplatesOut,
    NewTemplateIn,
    TemplatesQuery,
    TemplatesSynced,
    TemplateSyncIn,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.instances import templates

api = APIBlueprint(
    "omnichat_templates",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/channels/<id>/templates",
    abp_tags=[Tag(name="OmniChat templates")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: MessageTemplatesOut})
def list_templates(path: ChannelTemplatesPath, query: TemplatesQuery) -> Response:
    """List a channel's templates as they were when the hub last heard of them."""
    page, cursor = templates.list_page(deps(), caller().tenant_id, path.id, query.limit, query.cursor, query.status)
    return answer(MessageTemplatesOut(templates=[MessageTemplateOut.of(each) for each in page], next_cursor=cursor))


@api.post("", responses={201: MessageTemplateOut, 409: Failure, 422: Failure, 502: Failure, 503: Failure})
def create_template(path: ChannelTemplatesPath, body: NewTemplateIn) -> Response:
    """Have the provider review a template; it can be sent once it is approved."""
    require(Role.ADMIN)
    created = templates.create(deps(), caller().tenant_id, path.id, body.to_domain())
    return answer(MessageTemplateOut.of(created), 201)


@api.post("/sync", responses={200: TemplatesSynced, 422: Failure, 502: Failure, 503: Failure})
def sync_templates(path: ChannelTemplatesPath, body: TemplateSyncIn) -> Response:
    """Read the channel's templates from its provider."""
    require(Role.ADMIN)
    return answer(TemplatesSynced.of(templates.sync(deps(), caller().tenant_id, path.id, body.after)))


@api.get("/<template_id>", responses={200: MessageTemplateOut})
def read_template(path: ChannelTemplatePath) -> Response:
    """Read a template."""
    return answer(MessageTemplateOut.of(templates.get(deps(), caller().tenant_id, path.id, path.template_id)))


@api.delete("/<template_id>", responses={200: Done, 422: Failure, 502: Failure, 503: Failure})
def delete_template(path: ChannelTemplatePath) -> Response:
    """Delete a template at the provider and here."""
    require(Role.ADMIN)
    templates.delete(deps(), caller().tenant_id, path.id, path.template_id)
    return answer(Done())
