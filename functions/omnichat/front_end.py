"""Paths that only OmniChat's own front end calls; a client of one's own uses `/api/channels`."""

from __future__ import annotations

from html import escape

from flask import Response, redirect
from flask_openapi.models import Tag
from werkzeug.wrappers import Response as WerkzeugResponse

from functions.omnichat.channel_schemas import ChannelOut, ChannelPath
from functions.omnichat.channels import channel_out, managed_whatsapp
from functions.omnichat.front_end_schemas import (
    BotConnected,
    BotConnectIn,
    DisplayedIn,
    TenantChannelPath,
    TenantPath,
    WhatsAppRemovalIn,
    WidgetOut,
)
from functions.omnichat.schemas import Done
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, open_to_all, protect, require
from shared.http.origin import deps_with_origin
from shared.usecases.instances import instance_operations, instances, one_step_channels

api = APIBlueprint(
    "omnichat_front_end",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api",
    abp_tags=[Tag(name="OmniChat front end")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.post("/whatsapp/channels/<id>/whatsapp", responses={200: Done, 409: Failure, 502: Failure})
def remove_whatsapp(path: ChannelPath, body: WhatsAppRemovalIn) -> Response:
    """Remove an account of WhatsApp, or only log it out."""
    require(Role.ADMIN)
    instance = managed_whatsapp(path.id)
    if body.permanent:
        instances.delete(deps(), caller().tenant_id, instance.id)
    else:
        instance_operations.logout(deps(), instance)
    return answer(Done())


@api.patch("/tenants/<tenant_id>/channels/<id>", responses={200: ChannelOut, 409: Failure})
def change_channel(path: TenantChannelPath, body: DisplayedIn) -> Response:
    """Change what differs from what the page was shown."""
    require(Role.ADMIN)
    instance = instances.by_name(deps(), caller().tenant_id, path.id)
    changes = body.to_domain(channel_out(instance))
    return answer(channel_out(instances.update(deps_with_origin(), caller(), instance.id, changes, revive=True)))


@api.post("/tenants/<tenant_id>/telegram/bot/connect", responses={200: BotConnected, 409: Failure})
def connect_bot(path: TenantPath, body: BotConnectIn) -> Response:
    """Connect a Telegram bot by its token."""
    require(Role.ADMIN)
    token = body.bot_token.get_secret_value()
    bot = one_step_channels.connect_bot(deps_with_origin(), caller(), body.channel_id, token)
    name = bot.display_name or ""
    username = name.removeprefix("@") if name.startswith("@") else None
    return answer(BotConnected(channel_id=bot.id, bot_username=username, message=f"{name or bot.name} is connected"))


@api.post("/tenants/<tenant_id>/widget/generate", responses={200: WidgetOut, 409: Failure})
def generate_widget(path: TenantPath) -> Response:
    """Give the widget's code; the tenant's oldest widget is taken, and one is made where there is none."""
    require(Role.ADMIN)
    reachable = deps_with_origin()
    widget = one_step_channels.oldest_widget(reachable, caller().tenant_id)
    script = f"{reachable.settings.own_address or ''}/widget/{widget.name}/embed.js"
    code = f'<script src="{escape(script)}" async></script>'
    return answer(WidgetOut(widget_id=widget.id, embed_code=code))


@api.get("/tenants/<tenant_id>/facebook/platforms/facebook/login", responses={302: None}, security=[])
@open_to_all
def begin_facebook(path: TenantPath) -> WerkzeugResponse:
    """Lead a browser back to the channels: a page of Facebook is connected by its token, not by signing in there."""
    return redirect("/#/platforms")
