"""Asking customers how satisfied they were, and counting their ratings."""

from __future__ import annotations

from shared.channels import names
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity, Survey
from shared.domain.ids import stable_id
from shared.domain.instances import ChannelType, Instance
from shared.domain.messages import Author, Message
from shared.domain.ratings import SURVEY_LIFE, Rating, RatingSource, survey_text
from shared.usecases import realtime
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import automatic_answers, enqueueing
from shared.usecases.reporting import counters

_SPOKEN = frozenset({ChannelType.VOICE, ChannelType.VIDEO})


def rate(deps: Deps, tenant_id: str, conversation_id: str, score: int, comment: str | None) -> Rating:
    """Rate a conversation from 1 to 5; its former rating, if any, is replaced. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> Rating:
        conversation = unit.conversations.owned(tenant_id, conversation_id)
        return _put_rating(deps, unit, conversation, score, comment, RatingSource.API)

    return run_with_retry(deps, attempt)


def _put_rating(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, score: int, comment: str | None, source: RatingSource
) -> Rating:
    """Make or replace the conversation's rating, and count it."""
    now = deps.now()
    rating = unit.ratings.owned_or_none(conversation.tenant_id, conversation.id)
    if rating is not None:
        _count_change(deps, unit, rating, score)
        rating.score, rating.comment, rating.source, rating.updated_at = score, comment, source, now
        unit.ratings.expect_unchanged(rating)
        realtime.rating_changed(deps, unit, rating)
        return rating
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
    counters.count(unit, counters.Source.of(conversation), now, Counters(ratings=1, rating_sum=score))
    realtime.rating_changed(deps, unit, rating)
    return unit.ratings.add(rating)


def _count_change(deps: Deps, unit: UnitOfWork, rating: Rating, score: int) -> None:
    if score != rating.score:
        source = counters.Source(rating.tenant_id, rating.instance_id, rating.channel, rating.id)
        counters.correct(unit, source, rating.counted_at, deps.now(), Counters(rating_sum=score - rating.score))


def store_survey_answer(
    deps: Deps, unit: UnitOfWork, chat: Identity, message: Message, score: int
) -> Conversation | None:
    """Store the answer to a survey: it belongs to the closed conversation, which stays closed.

    Returns the conversation; None, with nothing stored, when it does not exist any more.
    """
    conversation = unit.conversations.owned_or_none(message.tenant_id, message.conversation_id)
    if conversation is None:
        return None
    chat.survey, chat.last_inbound_at = None, message.created_at
    conversation.last_message_at, conversation.updated_at = message.created_at, deps.now()
    conversation.last_message_id = message.id
    source = counters.Source(message.tenant_id, message.instance_id, conversation.channel, conversation.id)
    counters.count(unit, source, message.created_at, Counters(inbound=1))
    _put_rating(deps, unit, conversation, score, None, RatingSource.SURVEY)
    return conversation


def count_resolved(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """Count a conversation that is closed now."""
    counters.count(unit, counters.Source.of(conversation), deps.now(), Counters(resolved=1))


def count_reopened(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """A closed conversation that is opened again was not resolved, after all."""
    now, source = deps.now(), counters.Source.of(conversation)
    counters.correct(unit, source, conversation.closed_at or now, now, Counters(resolved=-1))


def send_survey(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> bool:
    """Ask the customer of a conversation that this unit closes for a rating; returns whether there is one to ask.

    Nobody is asked when the instance wants no survey or cannot send text, and no customer who never wrote, or who was
    asked about the same message before.
    """
    instance = instance_lookup.cached(deps, conversation.tenant_id, conversation.instance_id)
    draft = _draft(deps, conversation, instance)
    if instance is None or draft is None or unit.messages.collided_with(draft.message_id) is not None:
        return False
    identity = unit.identities.owned(conversation.tenant_id, conversation.identity_id)
    if identity.opted_out:
        return False
    identity.survey = Survey(conversation_id=conversation.id, until=deps.now() + SURVEY_LIFE)
    automatic_answers.count(deps, unit, conversation)
    # The question is no answer: nobody is counted as having replied.
    enqueueing.enqueue(deps, unit, conversation, instance, [draft], is_answer=False)
    return True


def _draft(deps: Deps, conversation: Conversation, instance: Instance | None) -> enqueueing.Draft | None:
    message_id = conversation.last_inbound_message_id
    if instance is None or instance.adapter not in names():
        return None
    if not message_id or conversation.is_group or instance.type in _SPOKEN:
        return None
    text = survey_text(instance.options)
    if text is None or not automatic_answers.may_answer(deps, conversation, instance):
        return None
    return enqueueing.Draft(stable_id("survey", conversation.id, message_id), Author.SYSTEM, text=text)
