"""An answer that the customer sees while the model still writes it: one message, which grows by edits.

The beginning is a message like any other, and each step an edit of it, so all of it has the pace, the order and the
tries of messages; a step that still waits is replaced by the next one. The customer counts as answered only with the
end. When the process dies before, the next try goes on with the same message.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from shared.answering.pieces import Part, messages_of
from shared.answering.turns import Turn
from shared.channels import channel
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.messages import Author, Message
from shared.domain.outbox import Change, OutboxStatus
from shared.errors import HubError
from shared.usecases.conversations import changing
from shared.usecases.outbox import enqueueing

log = logging.getLogger(__name__)

STEP = timedelta(seconds=1.5)
"""How long a customer has to read between two steps; it also keeps the edits far below any pace."""


def may_grow(instance: Instance) -> bool:
    """Whether the instance wants it, and its channel edits a message for as long as an answer may take."""
    capabilities = channel(instance.adapter).capabilities
    return instance.options.growing_answers and capabilities.edits and capabilities.edits_within is None


def take_back(deps: Deps, conversation: Conversation, answered_id: str) -> None:
    """Take back the beginning of an answer to this message, with which nobody goes on."""
    message_id = _message_id(conversation, answered_id)
    message = UnitOfWork(deps.store).messages.owned_or_none(conversation.tenant_id, message_id)
    if message is not None and message.is_growing:
        _delete(deps, conversation.tenant_id, message_id)


def _message_id(conversation: Conversation, answered_id: str) -> str:
    return stable_id("growing", conversation.id, answered_id)


def _delete(deps: Deps, tenant_id: str, message_id: str) -> None:
    try:
        changing.delete(deps, tenant_id, message_id)
    except HubError as error:
        log.warning("the beginning of an answer stays", extra={"why": error.detail})


class GrowingAnswer:
    """The answer to one turn, as far as the customer has it.

    `answered_id` is the message for which an answer is tried, whatever came after it: so every try has the same id.
    """

    def __init__(self, deps: Deps, unit: UnitOfWork, turn: Turn, author_id: str, answered_id: str) -> None:
        self._deps = deps
        self._turn = turn
        self._author_id = author_id
        conversation = turn.conversation
        self._message_id = _message_id(conversation, answered_id)
        self.is_begun = unit.messages.owned_or_none(conversation.tenant_id, self._message_id) is not None
        self._step_id: str | None = None
        self._stepped_at = deps.now()
        self._is_stopped = False

    def listen(self, text: str) -> None:
        """Take the next step with what the model has written so far, if it is time for one.

        A step that fails is no reason to have no answer: then the customer sees the answer at its end.
        """
        now = self._deps.now()
        if self._is_stopped or now - self._stepped_at < STEP:
            return
        self._stepped_at = now
        instance = self._turn.instance
        capabilities = channel(instance.adapter).capabilities
        parts = messages_of(text, capabilities, is_markdown=instance.options.may_be_markdown)
        if not parts:
            return
        try:
            self._is_stopped = not run_with_retry(self._deps, partial(self._step, parts[0]))
        except HubError as error:
            log.info("an answer does not grow", extra={"why": error.detail})
            self._is_stopped = True
        self.is_begun = self.is_begun or not self._is_stopped

    def _step(self, part: Part, unit: UnitOfWork) -> bool:
        """Returns whether the answer is still to be given, and here."""
        turn = self._turn
        conversation = unit.conversations.owned(turn.conversation.tenant_id, turn.conversation.id)
        is_ours = not conversation.is_left_to_people and conversation.instance_id == turn.instance.id
        if not is_ours or conversation.needs_reply_since != turn.conversation.needs_reply_since:
            return False
        message = unit.messages.owned_or_none(conversation.tenant_id, self._message_id)
        if message is not None:
            self._grow(unit, message, part)
            return True
        text, spans = part
        draft = enqueueing.Draft(
            message_id=self._message_id,
            author=Author.BOT,
            author_id=self._author_id,
            text=text,
            spans=spans,
            grows=True,
        )
        enqueueing.enqueue(self._deps, unit, conversation, turn.instance, [draft], is_answer=False)
        return True

    def _grow(self, unit: UnitOfWork, message: Message, part: Part) -> None:
        """Have the message say more: by the step before, where that still waits, else by another one."""
        text, spans = part
        item = unit.outbox.owned(message.tenant_id, message.id)
        if item.status is OutboxStatus.DEAD:  # Who has it sent again sends all of it.
            item.payload = item.payload.model_copy(update={"text": text, "spans": spans})
            message.text, message.spans = part
            return
        step = unit.outbox.owned_or_none(message.tenant_id, self._step_id) if self._step_id else None
        if step is not None and changing.is_waiting(step):
            step.payload = step.payload.model_copy(update={"text": text, "spans": spans})
            return
        if (message.text, message.spans) == part and (step is None or not step.open):
            return
        change = Change(action="edit", message_id=message.id, grows=True)
        step = changing.make(self._deps, unit, self._turn.instance, message, item, change, text, spans)
        self._step_id = step.id if step.id != item.id else None

    def finish(self, unit: UnitOfWork, part: Part, tools: tuple[str, ...]) -> None:
        """Have the message say its end and which tools were called, in the unit that ends the customer's waiting."""
        message = unit.messages.owned(self._turn.conversation.tenant_id, self._message_id)
        message.extra = {name: value for name, value in message.extra.items() if name != "growing"}
        message.extra |= {"tools": list(tools)} if tools else {}
        self._grow(unit, message, part)

    def cancel(self) -> None:
        """Take back what the customer has of an answer that did not come to its end."""
        if self.is_begun:
            _delete(self._deps, self._turn.conversation.tenant_id, self._message_id)
