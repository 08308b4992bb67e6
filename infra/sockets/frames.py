"""From the hub's realtime events to the JSON frames that the Dashboard's plain WebSockets carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from functions.dashboard.analytics_schemas import DashboardOut
from functions.dashboard.schemas import CHANNELS, STATUS, AttachmentOut, sender
from functions.dashboard.start_page import LiveCall
from functions.dashboard.vocabulary import channel_type
from shared.domain.calls import Call
from shared.domain.campaigns import Campaign, CampaignStatus
from shared.domain.conversations import Conversation
from shared.domain.events import RealtimeEvent
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.messages import Author, Message
from shared.domain.notifications import Notification
from shared.errors import BadRequest
from shared.http.times import whole_seconds
from shared.usecases import realtime
from shared.usecases.overview.live_figures import RANGE, LiveFigures

Payload: TypeAlias = dict[str, Any]
Subject: TypeAlias = Literal["session", "channel", "campaign"]

_SEVERITIES = {
    "message_dead": "error",
    "channel_error": "error",
    "webhook_unreadable": "error",
    "sla_breached": "error",
    "sla_warning": "warning",
    "agent_failed": "warning",
    "ai_budget": "warning",
}
_ALERTS = {"error": "high", "warning": "medium"}
"""How severe what went wrong is, by the type of its notification."""

_SUBJECTS: Mapping[Subject, str] = {"session": "sessionId", "channel": "channelType", "campaign": "campaignId"}
"""Where a frame says which session, channel type or campaign it is about."""

_CAMPAIGN_STATUS = {
    CampaignStatus.DRAFT: "draft",
    CampaignStatus.RUNNING: "running",
    CampaignStatus.FINISHED: "completed",
}
_BEST_RATING = 5
_LONGEST_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page is told: `type` and `payload`, as it reads them."""

    type: str
    payload: Payload

    def at(self, moment: datetime) -> Payload:
        return {"type": self.type, "payload": self.payload, "timestamp": whole_seconds(moment)}


@dataclass(frozen=True, slots=True)
class Interest:
    """What a connection wants to hear, by its address: everything, or what is about one session, type or campaign."""

    subject: Subject | None = None
    name: str = ""

    def covers(self, frame: Frame) -> bool:
        return self.subject is None or self.name == frame.payload.get(_SUBJECTS[self.subject])


_ADDRESS = re.compile(r"/ws(?:/(?:(?P<subject>session|channel|campaign)/)?(?P<name>[\w-]{1,64}))?/?", re.ASCII)
_WHOLE = frozenset({"", "dashboard", "analytics"})


def interest_of(path: str) -> Interest | None:
    """What the address stands for: `/ws`, `/ws/dashboard`, `/ws/analytics`, `/ws/session/{id}`, `/ws/{session id}`,
    `/ws/channel/{type}` and `/ws/campaign/{id}`, each also with a slash behind it. None for any other path.
    """
    address = _ADDRESS.fullmatch(path)
    if address is None or address["name"] in _SUBJECTS:
        return None
    subject, name = address["subject"], address["name"] or ""
    if subject == "channel":
        return Interest("channel", _type_name(name))
    if subject == "campaign":
        return Interest("campaign", name)
    return Interest() if subject is None and name in _WHOLE else Interest("session", name)


def _type_name(name: str) -> str:
    """This dialect's word for a channel type; one that is no type's stays as it is, and nothing is heard of it."""
    try:
        return CHANNELS[channel_type(name)]
    except BadRequest:
        return name


def frames_of(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    """The frames for an event of the instance's room, none for what is not for a dashboard.

    Raises `ValueError` or `KeyError` for an event that cannot be read.
    """
    build = _FORMS.get(event.name)
    return build(event, instance) if build else []


def _conversation(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    conversation = Conversation.model_validate(event.payload["conversation"])
    if conversation.instance_id != event.room:
        # It is told to the room that it has left as well.
        return [_transfer(conversation, instance)]
    payload = {
        "sessionId": conversation.id,
        "customerId": conversation.customer_id,
        "channelType": CHANNELS[conversation.channel],
        "status": STATUS[conversation.status],
        "agentId": conversation.assignee_id,
        "startTime": whole_seconds(conversation.created_at),
        "lastActivity": whole_seconds(conversation.last_message_at),
        "metadata": {"priority": conversation.priority.value},
    }
    return [Frame("session_update", payload)]


def _transfer(conversation: Conversation, former: Instance | None) -> Frame:
    payload = {
        "sessionId": conversation.id,
        "customerId": conversation.customer_id,
        "channelType": CHANNELS[conversation.channel],
        "fromChannel": CHANNELS[former.type] if former else None,
        "toChannel": CHANNELS[conversation.channel],
        "reason": None,
        "transferId": f"{conversation.id}-{len(conversation.legs)}",
    }
    return Frame("channel_transfer", payload)


def _message(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    message = Message.model_validate(event.payload["message"])
    if instance is None:
        # Pages read the type's letters without looking whether there are any.
        return []
    type_name = CHANNELS[instance.type]
    frames = [_new_message(message, type_name)]
    return [*frames, _activity(message, type_name)] if message.author is Author.CUSTOMER else frames


def _new_message(message: Message, type_name: str) -> Frame:
    payload = {
        "messageId": message.id,
        "sessionId": message.conversation_id,
        "customerId": message.customer_id,
        "channelType": type_name,
        "content": message.text or "",
        "messageType": message.kind.value,
        "sender": sender(message),
        "attachments": [AttachmentOut.of(message, number) for number in range(len(message.attachments))],
        "metadata": {"status": message.status.value},
    }
    return Frame("new_message", payload)


def _activity(message: Message, type_name: str) -> Frame:
    payload = {
        "activityId": message.id,
        "customerId": message.customer_id,
        "sessionId": message.conversation_id,
        "channelType": type_name,
        "activityType": "message",
        "description": (message.text or message.kind.value)[:_LONGEST_DESCRIPTION],
        "metadata": {"messageType": message.kind.value},
    }
    return Frame("customer_activity", payload)


def _channel(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    if instance is None:
        return []
    status = InstanceStatus(event.payload["status"])
    payload = {"channelId": instance.slug, "channelType": CHANNELS[instance.type], "status": status.value}
    return [Frame("channel_status_change", payload)]


def _notification(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    notification = Notification.model_validate(event.payload["notification"])
    if notification.user_id is not None:  # a dashboard is nobody's alone
        return []
    type_ = _SEVERITIES.get(notification.type, "info")
    texts = {"title": notification.title, "message": notification.message, "category": notification.type}
    frames = [Frame("notification", {"notificationId": notification.id, "type": type_, "actions": [], **texts})]
    if type_ in _ALERTS:
        alert = {"alertId": notification.id, "type": type_, "severity": _ALERTS[type_], **texts}
        frames.append(Frame("system_alert", alert))
    return frames


def _campaign(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    campaign = Campaign.model_validate(event.payload["campaign"])
    payload = {
        "campaignId": campaign.id,
        "name": campaign.name,
        "status": _CAMPAIGN_STATUS[campaign.status],
        "progress": {"completed": campaign.total_sent, "total": max(campaign.contacts, campaign.total_sent)},
        "metrics": {"total_sent": campaign.total_sent},
    }
    return [Frame("campaign_update", payload)]


def _call(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    call, conversation = Call.model_validate(event.payload["call"]), event.payload["conversation"]
    live = LiveCall.of(call, Conversation.model_validate(conversation) if conversation else None, call.updated_at)
    about = {"sessionId": call.conversation_id, "channelType": CHANNELS[call.channel]}
    return [Frame("live_call", live.model_dump() | about)]


_FORMS: Mapping[str, Callable[[RealtimeEvent, Instance | None], list[Frame]]] = {
    realtime.CONVERSATION_UPDATED: _conversation,
    realtime.MESSAGE_CREATED: _message,
    realtime.CHANNEL_STATUS: _channel,
    realtime.NOTIFICATION_CREATED: _notification,
    realtime.CAMPAIGN_UPDATED: _campaign,
    realtime.CALL_CHANGED: _call,
}


def frames_of_figures(figures: LiveFigures) -> list[Frame]:
    """A tenant's figures; satisfaction is in percent of the best rating here, as the page shows it."""
    total = figures.overview.total
    satisfaction = round(100 * total.satisfaction / _BEST_RATING)
    overview = DashboardOut.of(figures.overview).model_dump(mode="json")
    performance = {
        "responseTime": total.response_time,
        "resolutionRate": total.resolution_rate,
        "customerSatisfaction": satisfaction,
        "queueLength": figures.waiting_sessions,
        "metrics": {"activeSessions": figures.open_sessions},
        "channelMetrics": overview["channelMetrics"],
        "trends": overview["trends"],
        "period": RANGE.value,
    }
    minutes, seconds = divmod(round(total.response_time), 60)
    analytics = {
        "totalSessions": figures.open_sessions,
        "activeAgents": figures.active_agents,
        "averageResponseTime": f"{minutes}:{seconds:02}",
        "customerSatisfaction": satisfaction,
        "channelDistribution": {
            CHANNELS[channel]: counters.sessions for channel, counters in figures.overview.channels.items()
        },
    }
    return [Frame("performance_update", performance), Frame("analytics_update", analytics)]
