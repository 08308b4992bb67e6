"""Channels, seen by type."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.capability_schemas import CapabilitiesOut
from functions.dashboard.channel_schemas import (
    ChannelChoice,
    ChannelsOut,
    ChannelsQuery,
    ChannelStatusOut,
    ChannelTypePath,
    ConfiguredOut,
    ConfigureIn,
    health,
    lacking,
)
from functions.dashboard.schemas import CHANNELS
from functions.dashboard.vocabulary import VOCABULARY, channel_type
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import polled
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.origin import deps_with_origin
from shared.usecases.instances import channel_setup
from shared.usecases.overview import channels

api = APIBlueprint(
    "dashboard_channels",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/channels",
    abp_tags=[Tag(name="Dashboard channels")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("/integrations", responses={200: ChannelsOut, 304: None})
def list_channels(query: ChannelsQuery) -> Response:
    """List the tenant's channels, oldest first, with what they carry."""
    page, cursor = channels.list_channels(deps(), caller().tenant_id, query.limit, query.cursor)
    return polled(ChannelsOut.of(page), cursor)


@api.get("/capabilities", responses={200: CapabilitiesOut})
def channel_capabilities() -> Response:
    """Tell what every channel can carry, by type and by the adapter that serves it."""
    return answer(CapabilitiesOut.of_all(deps().settings))


@api.post("/<channel_type>/configure", responses={200: ConfiguredOut, 409: Failure})
def configure_channel(path: ChannelTypePath, query: ChannelChoice, body: ConfigureIn) -> Response:
    """Configure the default (else oldest) channel of a type, or make the first one.

    One that was disconnected since is connected again.
    """
    require(Role.ADMIN)
    configured = channel_setup.configure(
        deps_with_origin(),
        caller(),
        channel_type(path.channel_type),
        body.config,
        spellings=query.spellings,
        label=body.name,
    )
    detail = lacking(configured.status, configured.status_detail)
    return answer(ConfiguredOut(success=True, channel_id=configured.slug, status="configured", detail=detail))


@api.get("/<channel_type>/status", responses={200: ChannelStatusOut, 304: None})
def channel_status(path: ChannelTypePath, query: ChannelChoice) -> Response:
    """Tell how a channel type stands."""
    type_ = channel_type(path.channel_type)
    type_status, active = channels.type_status(deps(), caller().tenant_id, type_, query.spellings)
    status = ChannelStatusOut(
        channel_type=CHANNELS[type_],
        status=type_status.status.value,
        last_ping=type_status.updated_at,
        health=health(type_status.status),
        active_sessions=active,
        detail=lacking(type_status.status, type_status.detail),
    )
    return polled(status)
