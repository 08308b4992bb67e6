"""How customers rate what was done for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.customers import Identity
from shared.domain.inbound import MessageReceived
from shared.domain.instance_options import HubOptions
from shared.domain.instances import ChannelType
from shared.domain.messages import MessageKind

SURVEY_LIFE = timedelta(hours=24)
SURVEY_TEXT = "How satisfied are you with our help? Please answer with a number from 1 (not at all) to 5 (very)."
_MAX_SURVEY_TEXT = 1000
_SCORES = {str(score): score for score in range(1, 6)}


class RatingSource(StrEnum):
    SURVEY = "survey"
    API = "api"


class Rating(BaseModel):
    """The one rating of a conversation, whose id it has; a later one takes its place.

    `score` is 1 to 5. `counted_at`, `instance_id` and `channel` say which
    counters it was added to.
    """

    id: str
    tenant_id: str
    customer_id: str
    instance_id: str
    channel: ChannelType
    score: int
    comment: str | None = None
    source: RatingSource
    counted_at: datetime
    created_at: datetime
    updated_at: datetime


def survey_text(options: HubOptions) -> str | None:
    """What an instance asks a customer when a conversation is resolved; None when its `csat` is false.

    `csat_text` replaces the usual question.
    """
    return (options.csat_text or SURVEY_TEXT)[:_MAX_SURVEY_TEXT] if options.csat else None


def survey_score(identity: Identity, received: MessageReceived, at: datetime) -> int | None:
    """The score, when the message answers a survey; else None.

    An answer is a text of nothing but a digit from 1 to 5, within the survey's
    time, as the first thing that is said since the conversation was resolved.
    """
    survey = identity.survey
    if survey is None or identity.conversation_id is not None or at > survey.until:
        return None
    if received.from_me or received.is_history or received.is_group or received.kind is not MessageKind.TEXT:
        return None
    return _SCORES.get((received.text or "").strip())
