"""Campaigns: one message to many customers, when it goes out, and what came of it with each of them."""

from __future__ import annotations

import csv
import io

from flask import Response
from flask_openapi import Tag

from functions.omnichat.campaign_schemas import (
    AudienceCountIn,
    AudienceCountOut,
    CampaignChange,
    CampaignDetailOut,
    CampaignIdPath,
    CampaignListed,
    CampaignListOut,
    CampaignPageQuery,
    CampaignStatusOut,
    NewCampaignIn,
    RecipientOut,
    RecipientsCsvQuery,
    RecipientsOut,
    RecipientsQuery,
)
from functions.omnichat.channels import NEXT_CURSOR
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, only_reads, protect, require
from shared.usecases.campaigns import campaign_audiences, campaign_pausing, campaigns

api = APIBlueprint(
    "omnichat_campaigns",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/campaigns",
    abp_tags=[Tag(name="OmniChat campaigns")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: CampaignListOut})
def list_campaigns(query: CampaignPageQuery) -> Response:
    """List campaigns, the newest first."""
    page, cursor = campaigns.list_page(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(CampaignListOut(campaigns=[CampaignListed.of(each) for each in page], next_cursor=cursor))


@api.post("", responses={201: CampaignDetailOut})
def create_campaign(body: NewCampaignIn) -> Response:
    """Make a campaign; its launch sends it."""
    require(Role.ADMIN)
    created = campaigns.create(deps(), caller().tenant_id, body.to_domain())
    return answer(CampaignDetailOut.of_report(created), 201)


@api.post("/audience", responses={200: AudienceCountOut})
@only_reads
def count_audience(body: AudienceCountIn) -> Response:
    """Count whom a campaign would reach now; nothing is kept or sent."""
    campaign = body.to_domain(caller().tenant_id, deps().now())
    return answer(AudienceCountOut.of(campaign_audiences.count(deps(), campaign)))


@api.get("/<id>", responses={200: CampaignDetailOut})
def read_campaign(path: CampaignIdPath) -> Response:
    """Read a campaign and its funnel."""
    return answer(CampaignDetailOut.of_report(campaigns.report(deps(), caller().tenant_id, path.id)))


@api.patch("/<id>", responses={200: CampaignDetailOut, 409: Failure, 422: Failure})
def change_campaign(path: CampaignIdPath, body: CampaignChange) -> Response:
    """Change a campaign, until it begins."""
    require(Role.ADMIN)
    changed = campaigns.change(deps(), caller().tenant_id, path.id, body.changes())
    return answer(CampaignDetailOut.of_report(changed))


@api.post("/<id>/launch", responses={202: CampaignStatusOut, 409: Failure, 422: Failure})
def launch_campaign(path: CampaignIdPath) -> Response:
    """Begin to send, or schedule the campaign for its `sendAt`; a second launch changes nothing."""
    require(Role.ADMIN)
    return answer(CampaignStatusOut.of(campaigns.launch(deps(), caller().tenant_id, path.id)), 202)


@api.post("/<id>/pause", responses={200: CampaignStatusOut, 409: Failure})
def pause_campaign(path: CampaignIdPath) -> Response:
    """Stop a campaign until it is resumed; what was accepted for sending still goes out."""
    require(Role.ADMIN)
    paused = campaign_pausing.pause(deps(), caller().tenant_id, path.id, campaign_pausing.BY_PERSON)
    return answer(CampaignStatusOut.of(paused))


@api.post("/<id>/resume", responses={200: CampaignStatusOut, 409: Failure, 422: Failure})
def resume_campaign(path: CampaignIdPath) -> Response:
    """Go on with a paused campaign where it stood."""
    require(Role.ADMIN)
    return answer(CampaignStatusOut.of(campaigns.resume(deps(), caller().tenant_id, path.id)))


@api.post("/<id>/cancel", responses={200: CampaignStatusOut, 409: Failure})
def cancel_campaign(path: CampaignIdPath) -> Response:
    """End a campaign for good; what was accepted for sending still goes out."""
    require(Role.ADMIN)
    return answer(CampaignStatusOut.of(campaigns.cancel(deps(), caller().tenant_id, path.id)))


@api.get("/<id>/recipients", responses={200: RecipientsOut})
def list_recipients(path: CampaignIdPath, query: RecipientsQuery) -> Response:
    """List whom the campaign has come to, and how far."""
    page, cursor = campaigns.recipients(deps(), caller().tenant_id, path.id, query.state, query.limit, query.cursor)
    return answer(RecipientsOut(recipients=[RecipientOut.of(each) for each in page], next_cursor=cursor))


@api.get("/<id>/recipients.csv", responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}})
def export_recipients(path: CampaignIdPath, query: RecipientsCsvQuery) -> Response:
    """Download whom the campaign has come to as CSV; the cursor of the next rows is in the header `X-Next-Cursor`."""
    page, cursor = campaigns.recipients(deps(), caller().tenant_id, path.id, query.state, query.limit, query.cursor)
    response = Response(_csv([RecipientOut.of(each) for each in page]), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="recipients-{path.id}.csv"'
    if cursor:
        response.headers[NEXT_CURSOR] = cursor
    return response


def _csv(rows: list[RecipientOut]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(
        ["customerId", "customerName", "messageId", "channelType", "state", "reason", "waitsUntil", "updatedAt"]
    )
    for row in rows:
        writer.writerow([_cell(value) for value in row.model_dump(mode="json").values()])
    return lines.getvalue()


def _cell(value: str | None) -> str:
    """A spreadsheet would run what begins like a formula, and a reason may be the provider's own words."""
    text = value or ""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
