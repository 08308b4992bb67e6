"""Clients that send every field they know, null for what they do not use."""

from __future__ import annotations

from typing import Any

import pytest

from functions.omnichat.access_schemas import AccessCheckIn, AccessRuleIn, AccessRulePatch
from functions.omnichat.campaign_schemas import AudienceCountIn, CampaignAudienceIn, CampaignChange, NewCampaignIn
from functions.omnichat.canned_reply_schemas import CannedReplyChange, CannedReplyIn
from functions.omnichat.channel_schemas import BindingIn, ChannelIn, ChannelPatch
from functions.omnichat.conversation_schemas import AutoReplyIn, ConversationChange, NoteIn, OfferIn
from functions.omnichat.conversations import ReadIn
from functions.omnichat.customer_schemas import (
    CustomerChange,
    CustomerMergeIn,
    CustomerPreferencesIn,
    CustomerUnmergeIn,
    NewCustomer,
    OptOutIn,
)
from functions.omnichat.erasure_schemas import CheckedReportIn, ErasureIn
from functions.omnichat.front_end_schemas import BotConnectIn, DisplayedIn, WhatsAppRemovalIn
from functions.omnichat.inbox_schemas import BulkIn
from functions.omnichat.message_schemas import AttachmentIn, ChoiceIn, PollIn, ReactionIn, TemplateIn
from functions.omnichat.messages import EditBody, SendBody
from functions.omnichat.people_schemas import (
    AvailabilityIn,
    CampaignCapIn,
    KeyIn,
    LogoutIn,
    PasswordIn,
    QuietHoursIn,
    SettingsPatch,
    UserIn,
    UserPatch,
)
from functions.omnichat.profile_schemas import BusinessPatch, ProfilePatch
from functions.omnichat.schemas import (
    AgentIn,
    AgentPatch,
    LinkIn,
    LoginIn,
    RefreshIn,
    RegisterIn,
    Request,
    SetupIn,
    ToolIn,
    TrialIn,
    TrialLine,
)
from functions.omnichat.service_level_schemas import (
    BusinessHoursChange,
    BusinessHoursIn,
    SlaPolicyChange,
    SlaPolicyIn,
)
from functions.omnichat.team_schemas import MemberIn, TeamIn, TeamPatch
from functions.omnichat.telegram_schemas import TelegramConfirmIn, TelegramStartIn
from functions.omnichat.template_schemas import NewTemplateIn, TemplateButtonIn, TemplateHeaderText, TemplateSyncIn
from functions.omnichat.webhook_schemas import ReplayIn, WebhookChange, WebhookIn

NEEDED: list[tuple[type[Request], dict[str, Any]]] = [
    (AccessCheckIn, {"address": "+49301234567"}),
    (AccessRuleIn, {"effect": "block", "kind": "prefix", "value": "+882"}),
    (AccessRulePatch, {}),
    (AgentIn, {"name": "Echo"}),
    (AgentPatch, {}),
    (AttachmentIn, {"type": "image"}),
    (AutoReplyIn, {"enabled": True}),
    (AvailabilityIn, {}),
    (BindingIn, {}),
    (BotConnectIn, {"botToken": "1:x"}),
    (BulkIn, {"ids": ["c"]}),
    (BusinessHoursChange, {}),
    (BusinessHoursIn, {"zone": "Europe/Berlin"}),
    (ReplayIn, {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}),
    (WebhookChange, {}),
    (WebhookIn, {"url": "https://shop.example/", "topics": ["message"]}),
    (CheckedReportIn, {"report": "{}", "signature": "x"}),
    (ErasureIn, {"confirmation": "Ada"}),
    (CannedReplyChange, {}),
    (CannedReplyIn, {"shortCode": "hi", "text": "Hello"}),
    (ChannelIn, {"name": "Support", "type": "TELEGRAM_BOT"}),
    (ChannelPatch, {}),
    (ChoiceIn, {"id": "1", "title": "Yes"}),
    (ConversationChange, {}),
    (CustomerChange, {}),
    (NewCustomer, {"name": "Ada"}),
    (CustomerMergeIn, {"sourceId": "c"}),
    (CustomerUnmergeIn, {"mergeId": "m"}),
    (DisplayedIn, {}),
    (KeyIn, {"name": "shop"}),
    (LinkIn, {"token": "t", "password": "correct horse"}),
    (LoginIn, {"email": "ann@example.com", "password": "correct horse"}),
    (LogoutIn, {}),
    (MemberIn, {"agentId": "a"}),
    (NoteIn, {"text": "hello"}),
    (OfferIn, {}),
    (PasswordIn, {"currentPassword": "correct horse", "newPassword": "battery staple"}),
    (CustomerPreferencesIn, {}),
    (ReactionIn, {"messageId": "m", "emoji": "👍"}),
    (ReadIn, {}),
    (RefreshIn, {"refreshToken": "t"}),
    (RegisterIn, {"email": "ann@example.com", "password": "correct horse"}),
    (PollIn, {"question": "Which one?", "options": ["red", "blue"]}),
    (SendBody, {"text": "hello"}),
    (EditBody, {"text": "hello"}),
    (SettingsPatch, {}),
    (SlaPolicyChange, {}),
    (SlaPolicyIn, {"name": "Fast"}),
    (TeamIn, {"name": "Sales"}),
    (TeamPatch, {}),
    (TelegramConfirmIn, {"channelInstanceId": "c", "code": "1"}),
    (TelegramStartIn, {"channelInstanceId": "c", "phone": "+491701234567"}),
    (TemplateIn, {"name": "hello", "language": "en_US"}),
    (ToolIn, {"name": "look", "url": "https://tools.example"}),
    (UserIn, {"email": "bob@example.com", "role": "agent"}),
    (UserPatch, {}),
    (WhatsAppRemovalIn, {}),
    (AudienceCountIn, {"channels": ["SMS"], "audience": {"tags": ["vip"]}}),
    (BusinessPatch, {}),
    (CampaignAudienceIn, {"tags": ["vip"]}),
    (CampaignCapIn, {"messages": 2, "days": 7}),
    (CampaignChange, {}),
    (NewCampaignIn, {"name": "Sale", "channels": ["SMS"]}),
    (NewTemplateIn, {"name": "hello", "language": "en_US", "body": "Hello"}),
    (OptOutIn, {}),
    (ProfilePatch, {}),
    (QuietHoursIn, {"start": "21:00", "end": "08:00"}),
    (SetupIn, {"token": "t", "email": "ann@example.com", "password": "correct horse"}),
    (TemplateButtonIn, {"type": "quick_reply", "text": "Yes"}),
    (TemplateHeaderText, {"text": "Hello"}),
    (TemplateSyncIn, {}),
    (TrialIn, {"messages": [{"text": "hello"}]}),
    (TrialLine, {"text": "hello"}),
]


@pytest.mark.parametrize(("form", "needed"), NEEDED)
@pytest.mark.parametrize("by_alias", [True, False], ids=["camel case", "snake case"])
def test_null_counts_as_left_out(form: type[Request], needed: dict[str, Any], by_alias: bool) -> None:
    fields = {(info.alias or name) if by_alias else name: name for name, info in form.model_fields.items()}
    every = {spelling: None for spelling, name in fields.items() if name not in form.takes_away}
    assert form.model_validate(every | needed) == form.model_validate(needed)


@pytest.mark.parametrize(("form", "needed"), NEEDED)
def test_null_takes_away_what_can_be_taken_away(form: type[Request], needed: dict[str, Any]) -> None:
    for name in form.takes_away:
        spelling = form.model_fields[name].alias or name
        request = form.model_validate(needed | {spelling: None})
        assert name in request.model_fields_set
        assert getattr(request, name) is None


def test_every_form_that_clients_send_is_tried_here() -> None:
    forms = set(Request.__subclasses__())
    for form in list(forms):
        forms |= set(form.__subclasses__())
    bases = {"TelegramChannelIn", "ProfileChange"}
    names = {form.__name__ for form in forms if not form.__name__.startswith("_")}
    assert names - bases == {form.__name__ for form, _ in NEEDED}
