"""Campaigns: one message to many customers, and what came of it."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.campaign_schemas import (
    ActiveCampaign,
    ActiveCampaignsOut,
    CampaignChannelsIn,
    CampaignIn,
    CampaignItem,
    CampaignOut,
    CampaignPath,
    CampaignReportOut,
    CampaignsOut,
    CampaignsQuery,
    ConversionIn,
    LaunchedOut,
)
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.campaigns import campaigns

api = APIBlueprint(
    "dashboard_campaigns",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/campaigns",
    abp_tags=[Tag(name="Dashboard campaigns")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("", responses={200: CampaignsOut})
def list_campaigns(query: CampaignsQuery) -> Response:
    """List campaigns, the newest first."""
    page, cursor = campaigns.list_page(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(CampaignsOut(campaigns=[CampaignItem.of(campaign) for campaign in page], next_cursor=cursor))


@api.post("", responses={201: CampaignOut})
def create_campaign(body: CampaignIn) -> Response:
    """Make a campaign; its launch sends it."""
    require(Role.ADMIN)
    return answer(CampaignOut.of(campaigns.create(deps(), caller().tenant_id, body.to_domain())), 201)


@api.get("/active", responses={200: ActiveCampaignsOut})
def list_active_campaigns() -> Response:
    """List the campaigns that are being sent, the newest first."""
    reports = campaigns.running(deps(), caller().tenant_id)
    return answer(ActiveCampaignsOut(campaigns=[ActiveCampaign.of(report) for report in reports]))


@api.get("/<campaign_id>/omnichannel", responses={200: CampaignReportOut})
def read_campaign(path: CampaignPath) -> Response:
    """Show a campaign and its figures over all channels."""
    return answer(CampaignReportOut.of(campaigns.report(deps(), caller().tenant_id, path.campaign_id)))


@api.put("/<campaign_id>/channels", responses={200: CampaignOut, 409: Failure})
def set_channels(path: CampaignPath, body: CampaignChannelsIn) -> Response:
    """Change the channels of a campaign and their settings, before its launch."""
    require(Role.ADMIN)
    return answer(
        CampaignOut.of(
            campaigns.set_channels(deps(), caller().tenant_id, path.campaign_id, body.channels, body.settings_text)
        )
    )


@api.post("/<campaign_id>/launch", responses={202: LaunchedOut, 409: Failure, 422: Failure})
def launch(path: CampaignPath) -> Response:
    """Send a campaign to its audience, some customers a minute; a second launch of a running one changes nothing."""
    require(Role.ADMIN)
    launched = campaigns.launch(deps(), caller().tenant_id, path.campaign_id)
    return answer(LaunchedOut(success=True, campaign_id=launched.id, status=launched.status.value), 202)


@api.post("/<campaign_id>/conversions", responses={200: CampaignOut})
def convert(path: CampaignPath, body: ConversionIn) -> Response:
    """Report that a customer did what the campaign wanted; a second time changes nothing."""
    require(Role.AGENT)
    return answer(CampaignOut.of(campaigns.convert(deps(), caller().tenant_id, path.campaign_id, body.customer_id)))
