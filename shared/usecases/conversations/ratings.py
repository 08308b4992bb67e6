"""Asking customers how satisfied they were, and counting what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channels import names
from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.customers import Survey
from shared.domain.ids import stable_id
from shared.domain.instances import ChannelType, Instance
from shared.domain.messages import Author, Message
from shared.domain.ratings import SURVEY_LIFE, Rating, RatingSource, survey_text
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Document, Merge, Ref, Set, Write
from shared.usecases import refs
from shared.usecases.identities import resolution
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import enqueueing
from shared.usecases.reporting import counters
from shared.usecases.retrying import decide

_SPOKEN = frozenset({ChannelType.VOICE, ChannelType.VIDEO})


def rate(deps: Deps, tenant_id: str, conversation_id: str, score: int, comment: str | None) -> Rating:
    """Rate a conversation from 1 to 5; its former rating, if any, is replaced. Raises `NotFound`."""

    def attempt() -> Rating:
        document = enqueueing.read_conversation(deps, tenant_id, conversation_id)
        conversation = Conversation.model_validate(document.data)
        rating, writes = rating_writes(deps, conversation, score, comment, RatingSource.API)
        try:
            deps.store.commit(writes)
        except AlreadyExists as clash:
            raise Conflict(clash.ref) from clash
        return rating

    return decide(attempt)


def rating_writes(
    deps: Deps, conversation: Conversation, score: int, comment: str | None, source: RatingSource
) -> tuple[Rating, list[Write]]:
    """The conversation's rating, and the writes that put it and its counters in their place."""
    now = deps.now()
    ref = refs.rating(conversation.id)
    before = deps.store.get([ref]).get(ref)
    if before is not None:
        return _replaced(deps, before, {"score": score, "comment": comment, "source": source, "updated_at": now})
    rating = Rating(
        id=conversation.id,
        tenant_id=conversation.tenant_id,
        customer_id=conversation.customer_id,
        instance_id=conversation.instance_id,
        channel=conversation.channel,
        score=score,
        comment=comment,
        source=source,
        counted_at=now,
        created_at=now,
        updated_at=now,
    )
    counted = counters.count(
        rating.tenant_id, rating.instance_id, rating.channel, rating.id, now, ratings=1, rating_sum=score
    )
    return rating, [Create(ref, rating.model_dump()), counted]


def _replaced(deps: Deps, before: Document, changes: Mapping[str, Any]) -> tuple[Rating, list[Write]]:
    former = Rating.model_validate(before.data)
    rating = former.model_copy(update=dict(changes))
    writes: list[Write] = [Set(before.ref, rating.model_dump(), before.version)]
    if rating.score != former.score:
        writes += counters.correct(
            former.tenant_id,
            former.instance_id,
            former.channel,
            former.id,
            former.counted_at,
            deps.now(),
            rating_sum=rating.score - former.score,
        )
    return rating, writes


def take_answer(
    deps: Deps, chat: resolution.Known, message: Message, score: int
) -> tuple[Conversation, list[Write]] | None:
    """The writes that store the answer to a survey, its message first; None when the conversation is gone."""
    ref = refs.conversation(message.conversation_id)
    document = deps.store.get([ref]).get(ref)
    if document is None:
        return None
    conversation = Conversation.model_validate(document.data)
    at = message.created_at
    answered = chat.identity.model_copy(update={"survey": None, "last_inbound_at": at})
    changed = {"last_message_at": at, "updated_at": deps.now()}
    _, rated = rating_writes(deps, conversation, score, None, RatingSource.SURVEY)
    place = (message.tenant_id, message.instance_id, conversation.channel, conversation.id)
    writes: list[Write] = [
        Create(refs.message(message.id), message.model_dump()),
        resolution.identity_write(chat, answered),
        Merge(ref, changed),
        counters.count(*place, at, inbound=1),
        *rated,
    ]
    return conversation.model_copy(update=changed), writes


def counted(deps: Deps, conversation: Conversation, status: ConversationStatus) -> list[Write]:
    """Count a conversation that becomes resolved; one that is opened again was not, after all."""
    was_closed = conversation.status is ConversationStatus.CLOSED
    if was_closed == (status is ConversationStatus.CLOSED):
        return []
    now = deps.now()
    given = (conversation.tenant_id, conversation.instance_id, conversation.channel, conversation.id)
    if not was_closed:
        return [counters.count(*given, now, resolved=1)]
    return counters.correct(*given, conversation.closed_at or now, now, resolved=-1)


def close_with_survey(
    deps: Deps, document: Document, fields: Mapping[str, Any], writes: list[Write]
) -> Conversation | None:
    """Close a conversation that was just read, and ask its customer for a rating, in one commit.

    `fields` and `writes` are the closing. Returns None, with nothing written,
    when there is nobody to ask: the instance wants no survey or cannot send
    text, the customer never wrote, or was asked about the same message before.
    """
    conversation = Conversation.model_validate(document.data)
    instance = instance_lookup.find_for_webhook(deps, instance_id=conversation.instance_id)
    draft = _draft(conversation, instance)
    if instance is None or draft is None:
        return None
    now = deps.now()
    changed = {**fields, "last_message_at": now}
    closed = Conversation.model_validate(document.data | changed)
    survey = Survey(conversation_id=conversation.id, until=now + SURVEY_LIFE)
    asked = Merge(Ref("identities", conversation.identity_id), {"survey": survey.model_dump()})
    try:
        changes = closed.model_dump(include=set(changed))
        # The question is no answer: nobody is counted as having replied.
        enqueueing.commit_drafts(deps, document, instance, [draft], changes, [*writes, asked], is_answer=False)
    except AlreadyExists:
        return None
    return closed


def _draft(conversation: Conversation, instance: Instance | None) -> enqueueing.Draft | None:
    written = conversation.last_inbound_message_id
    if instance is None or instance.tenant_id != conversation.tenant_id or instance.adapter not in names():
        return None
    if not written or conversation.is_group or instance.type in _SPOKEN:
        return None
    text = survey_text(instance.options)
    if text is None:
        return None
    return enqueueing.Draft(stable_id("survey", conversation.id, written), Author.SYSTEM, text=text)
