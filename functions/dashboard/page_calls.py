"""What the genuine page calls under other addresses than the API description has; each does what its twin does."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from flask_openapi.models import Tag
from pydantic import BaseModel, ConfigDict, Field

from functions.dashboard.campaign_schemas import Channels, LaunchedOut
from functions.dashboard.rooms import AdmissionOut
from functions.dashboard.schemas import CHANNELS, WholeSessionOut
from functions.dashboard.session_schemas import TransferIn, TransferredOut
from functions.dashboard.vocabulary import VOCABULARY, ChannelTypeName
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.campaigns import campaigns
from shared.usecases.conversations import rooms
from shared.usecases.sessions import transfers

SessionId = Annotated[str, Field(min_length=1, max_length=64)]


class ChannelTransferIn(BaseModel):
    """As `POST /sessions/{session_id}/transfer`. `context_data` is the page's own and not kept."""

    session_id: SessionId
    from_channel: ChannelTypeName
    to_channel: ChannelTypeName
    context_data: dict[str, Any] | None = None


class CampaignLaunchIn(BaseModel):
    """A campaign that is not launched yet, and the channels for it. What else the page sends is not kept."""

    model_config = ConfigDict(extra="allow")

    campaign_id: str = Field(min_length=1, max_length=64)
    channels: Channels


class VideoStartIn(BaseModel):
    """As `POST /sessions/{session_id}/video-token`. The hub names the room and who takes part."""

    session_id: SessionId
    room_id: Any = None
    channel: Any = None
    participant_id: Any = None


api = APIBlueprint("dashboard_page", __name__, vocabulary=VOCABULARY, abp_tags=[Tag(name="Dashboard sessions")])
cors(api)
protect(api, Access.DASHBOARD)


@api.post("/transfer/channel", responses={200: TransferredOut, 404: Failure, 409: Failure, 422: Failure})
def transfer_channel(body: ChannelTransferIn) -> Response:
    """Let a session go on on another channel."""
    require(Role.AGENT)
    request = TransferIn(from_channel=body.from_channel, to_channel=body.to_channel).to_domain()
    moved = transfers.transfer(deps(), caller().tenant_id, body.session_id, request)
    return answer(
        TransferredOut(
            **WholeSessionOut.of(moved).model_dump(),
            success=True,
            from_channel=CHANNELS[body.from_channel],
            to_channel=CHANNELS[body.to_channel],
        )
    )


@api.post("/campaign/omnichannel-launch", responses={202: LaunchedOut, 404: Failure, 409: Failure, 422: Failure})
def launch_campaign(body: CampaignLaunchIn) -> Response:
    """Set the channels of a campaign, and send it to its audience."""
    require(Role.ADMIN)
    tenant_id = caller().tenant_id
    campaigns.set_channels(deps(), tenant_id, body.campaign_id, body.channels, None)
    launched = campaigns.launch(deps(), tenant_id, body.campaign_id)
    return answer(LaunchedOut(success=True, campaign_id=launched.id, status=launched.status.value), 202)


@api.post("/video/webrtc-session-start", responses={200: AdmissionOut, 404: Failure, 409: Failure, 422: Failure})
def start_video(body: VideoStartIn) -> Response:
    """Let the caller into the session's video room."""
    require(Role.AGENT)
    principal = caller()
    admission = rooms.admit_agent(deps(), principal.tenant_id, body.session_id, principal.user_id or "api")
    return answer(AdmissionOut.of(admission))
