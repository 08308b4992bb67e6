"""The journey of one message: what the hub did with it, step by step, when and why.

Nothing is kept for it alone. It is read from the message, its outbox item, its conversation, the answer and the
notification that somebody was missing, of which the last two have ids that are made of the message's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.deps import Deps
from shared.documents.query import Key
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.events import ReplyEvent
from shared.domain.ids import stable_id
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.domain.outbox import OUTCOME_UNKNOWN, OUTSIDE_WINDOW, OutboxItem, OutboxStatus
from shared.usecases.instances import instance_lookup
from shared.usecases.replies import choosing, closing

_LATER = 200
"""Messages after it among which the answer to a message is looked for."""

_WHY_DEAD = {
    "rejected": "The provider refused the message. What it answered says why; a repetition would be refused, too.",
    OUTSIDE_WINDOW: (
        "The customer wrote too long ago: the provider takes only a template now. Send one, or wait until they write."
    ),
    "retries_exhausted": "The provider could not take the message in all tries. Send it again when it can be reached.",
    OUTCOME_UNKNOWN: (
        "Nobody knows whether the provider has the message: the connection broke after it went out. Ask the customer, "
        "or look into the provider's own app, before you send it again."
    ),
}
_DIED_AT_PROVIDER = "The provider took the message and reported later that it could not be delivered."

_WHY_TRIED_AGAIN = {
    "unavailable": "The provider could not take it; it was tried again.",
    OUTCOME_UNKNOWN: "The connection broke after it went out; the provider was asked what became of it.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `at` is None where no time is kept, `code` stands for `text` in programs.

    `answer` is what a provider said, `message_id` another message that the step is about.
    """

    name: str
    at: datetime | None
    text: str
    code: str | None = None
    answer: str | None = None
    message_id: str | None = None
    tools: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Journey:
    """The steps of a message in their order; `explanation` says how it stands and what can be done."""

    message: Message
    steps: list[Step]
    explanation: str

    @property
    def trace_id(self) -> str | None:
        """Under which the logs of all that was done are found."""
        parts = (self.message.traceparent or "").split("-")
        return parts[1] if len(parts) == len(("version", "trace", "span", "flags")) else None


def of_message(deps: Deps, tenant_id: str, message_id: str) -> Journey:
    """The journey of a message. Raises `NotFound` for one that is not the tenant's."""
    unit = UnitOfWork(deps.store)
    message = unit.messages.owned(tenant_id, message_id)
    if message.direction is Direction.INBOUND:
        return _of_customers(deps, unit, message)
    return _of_ours(unit, message)


def _of_customers(deps: Deps, unit: UnitOfWork, message: Message) -> Journey:
    answer_id = stable_id("reply", message.conversation_id, message.id, "0")
    notification_id = stable_id("unanswered", message.conversation_id, message.id)
    keys: list[Key] = [unit.conversations.key(message.conversation_id), unit.messages.key(answer_id)]
    unit.fetch(*keys, unit.outbox.key(answer_id), unit.notifications.key(notification_id))
    conversation = unit.conversations.owned(message.tenant_id, message.conversation_id)
    steps = [*_arrival(message), *_routing(message, conversation)]
    answer = unit.messages.owned_or_none(message.tenant_id, answer_id) or _next_answer(unit, message)
    notification = unit.notifications.owned_or_none(message.tenant_id, notification_id)
    if notification is not None:
        text = f"No agent answered, and people were notified: {notification.message}"
        steps.append(Step("nobody_answered", notification.created_at, text, notification.type, notification.message))
    if answer is None:
        code, text = _silence(deps, message, conversation)
        if notification is None:
            steps.append(Step("waiting" if code == "asked" else "nobody_answered", None, text, code))
        return Journey(message, steps, steps[-1].text)
    steps += _answering(answer)
    outbound = _of_ours(unit, answer)
    return Journey(message, [*steps, *outbound.steps[1:]], f"It was answered. {outbound.explanation}")


def _arrival(message: Message) -> list[Step]:
    if message.raw_event_id is None:
        return [Step("stored", message.created_at, "It was stored.", answer=message.external_message_id)]
    received = Step("received", message.created_at, "The provider's webhook came.", answer=message.external_message_id)
    proof = "Its author may be somebody else: the channel could not prove who wrote it."
    verified = Step(
        "verified",
        message.created_at,
        proof if message.may_be_forged else "The webhook proved that it is the provider's.",
        "may_be_forged" if message.may_be_forged else None,
    )
    return [received, verified, Step("stored", None, "It was stored in its conversation.")]


def _routing(message: Message, conversation: Conversation) -> list[Step]:
    steps: list[Step] = []
    began_with_it = conversation.created_at == message.created_at
    if conversation.routed_at is not None and began_with_it:
        steps.append(
            Step("routed", conversation.routed_at, "It began the conversation, and routing rules were applied.")
        )
    if message.blocked:
        steps.append(Step("blocked", message.created_at, "Its author is blocked by an access rule.", "blocked"))
    return steps


def _silence(deps: Deps, message: Message, conversation: Conversation) -> tuple[str, str]:
    """Why nobody has answered: a code and words."""
    if message.blocked:
        return "blocked", "Nobody answers what a blocked sender writes."
    if message.is_late:
        return "late", "It was found so long after it was written that no agent answers it: a person has to."
    if message.for_people:
        return "for_people", "No agent answers such a message: a person has to."
    waiting_since = conversation.needs_reply_since
    if waiting_since is None or waiting_since > message.created_at:
        return "nobody_waits", "Nobody waits for an answer to it: it was read as one that needs none, or answered."
    event = ReplyEvent(
        tenant_id=message.tenant_id,
        conversation_id=conversation.id,
        message_id=conversation.last_inbound_message_id or message.id,
    )
    reason = choosing.reason_for_silence(deps, conversation, event)
    if reason is not None:
        return reason.replace(" ", "_"), f"No agent answers: {reason}."
    if conversation.needs_human:
        return "needs_human", "An agent could not answer, and the conversation waits for a person."
    instance = instance_lookup.find_cached(deps, instance_id=conversation.instance_id)
    tenant = UnitOfWork(deps.store).tenants.get(message.tenant_id)
    if instance is None:
        return "channel_gone", "No agent answers: the channel was deleted."
    if choosing.choose(deps, instance, tenant, conversation) is None:
        return "no_agent", "No agent is active on this channel: add one, or have a person answer."
    if closing.keeps_agents_waiting(deps, tenant, conversation):
        return "other_hours", "No agent answers now: agents answer at other hours."
    return (
        "asked",
        "Nobody has answered yet. An agent is active: it is still at it, or became active after this message.",
    )


def _next_answer(unit: UnitOfWork, message: Message) -> Message | None:
    """The first message of the business after it; None where the customer has got none, or only after very many."""
    query = unit.messages.query().where(lambda each: each.conversation_id, "==", message.conversation_id)
    query = query.where(lambda each: each.sent_at, ">=", message.sent_at)
    query = query.order_by(lambda each: each.sent_at, descending=True)
    page = query.order_by(lambda each: each.created_at, descending=True).page(_LATER).documents
    later = [each for each in page if each.direction is Direction.OUTBOUND and each.created_at >= message.created_at]
    return later[-1] if later else None


def _answering(answer: Message) -> list[Step]:
    by = answer.author_name or answer.author_id or ""
    if answer.author is not Author.BOT:
        return [Step("answered", answer.created_at, f"A person answered: {by}.", message_id=answer.id)]
    tools = [str(name) for name in answer.extra.get("tools", [])]
    steps = [Step("asked", None, f"An agent was asked: {by}.")]
    if tools:
        steps.append(Step("tools", None, f"The agent called {', '.join(tools)}.", tools=tools))
    return [*steps, Step("answered", answer.created_at, "The agent answered.", message_id=answer.id)]


def _of_ours(unit: UnitOfWork, message: Message) -> Journey:
    item = unit.outbox.owned_or_none(message.tenant_id, message.id)
    if item is None:
        text = "It was written in the provider's own app, or is a note: the hub sends nothing for it."
        return Journey(message, [Step("stored", message.created_at, text)], text)
    accepted = Step("accepted", item.created_at, "It was accepted for sending.")
    tries = [
        Step("tried", each.at, _WHY_TRIED_AGAIN.get(each.reason, _why_dead(each.reason)), each.reason, each.answer)
        for each in item.failed_tries
    ]
    steps = [accepted, *tries, *_outcome(message, item), *_receipts(message)]
    return Journey(message, steps, _explanation(message, item))


def _outcome(message: Message, item: OutboxItem) -> list[Step]:
    match item.status:
        case OutboxStatus.SENT:
            return [Step("sent", item.updated_at, "The provider took it.", answer=message.external_message_id)]
        case OutboxStatus.DEAD:
            return [Step("dead", item.updated_at, _why_dead(item.reason or ""), item.reason, item.error)]
        case OutboxStatus.SENDING:
            return [Step("sending", item.updated_at, "It is being sent.")]
        case _:
            return [Step("waiting", item.next_retry_at, "It waits for its next try.", item.reason, item.error)]


def _receipts(message: Message) -> list[Step]:
    return [
        Step(
            f"receipt_{status.lower()}",
            at,
            f"The provider reported: {status.lower()}.",
            answer=message.error if status == MessageStatus.DEAD else None,
        )
        for status, at in sorted(message.receipts.items(), key=lambda receipt: receipt[1])
    ]


def _explanation(message: Message, item: OutboxItem) -> str:
    if item.status is OutboxStatus.DEAD:
        return _why_dead(item.reason or "")
    if message.status is MessageStatus.DEAD:
        return _DIED_AT_PROVIDER
    if item.status is not OutboxStatus.SENT:
        return "It is on its way." if item.error is None else "It is on its way: a try failed, and the next one comes."
    known = {
        MessageStatus.DELIVERED: "It was delivered to the customer.",
        MessageStatus.READ: "The customer has read it.",
    }
    return known.get(message.status, "The provider took it, and has not reported more.")


def _why_dead(reason: str) -> str:
    return _WHY_DEAD.get(reason, "It was not sent, and is not tried again by itself.")
