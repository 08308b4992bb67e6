"""Sending messages, and what became of those that could not be sent."""

from __future__ import annotations

from typing import Annotated, ClassVar

from flask import Response
from flask_openapi import Tag
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from functions.omnichat.journey_schemas import JourneyOut
from functions.omnichat.message_schemas import (
    Accepted,
    AttachmentIn,
    ChoiceIn,
    OutboxPage,
    OutboxQuery,
    PollIn,
    QueueItem,
    ReactionIn,
    TemplateIn,
)
from functions.omnichat.schemas import Request
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.display_names import NOT_BLANK
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.idempotency import IdempotencyHeader
from shared.usecases.conversations import changing, sending
from shared.usecases.outbox import outbox_items
from shared.usecases.overview import journeys

api = APIBlueprint(
    "omnichat_messages", __name__, vocabulary=VOCABULARY, url_prefix="/api", abp_tags=[Tag(name="OmniChat messages")]
)
cors(api)
protect(api, Access.CREDENTIAL)


Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]


class SendBody(Request):
    """A text, attachments, a template, a reaction, a poll, or a message to pass on, for one conversation or customer.

    A customer gets the message on the channel of their latest conversation, unless `channelInstanceId` names another.
    Channel and customer may be named beside a conversation, too, but not others than its own.
    `choices` go with a text; the text beside a template is what the hub shows for it.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        json_schema_extra={"examples": [{"conversationId": "3f9a1c5e7b2d4860", "text": "How can I help you?"}]},
    )

    # Whether agents may answer in the conversation, which OmniChat's inbox repeats with every message.
    ignored: ClassVar = frozenset({"autoReply"})

    conversation_id: str | None = Field(default=None, max_length=64)
    channel_instance_id: str | None = Field(default=None, max_length=64)
    customer_id: str | None = Field(default=None, max_length=64)
    external_user_id: Address | None = None
    text: str | None = Field(default=None, max_length=65_536)
    attachments: list[AttachmentIn] = Field(default_factory=list, max_length=10)
    reply_to: str | None = Field(default=None, max_length=256, description="The provider's id of the quoted message.")
    reaction: ReactionIn | None = None
    template: TemplateIn | None = None
    choices: list[ChoiceIn] = Field(default_factory=list, max_length=10)
    poll: PollIn | None = None
    forward_of: str | None = Field(default=None, max_length=64, description="The id of a message to pass on.")

    @model_validator(mode="after")
    def _has_content(self) -> SendBody:
        text = (self.text or "").strip()
        if self.choices and not text:
            raise ValueError("choices go with a text")
        alone = [self.reaction, self.template, self.poll, self.forward_of]
        if (self.poll or self.forward_of) and (text or self.attachments or sum(each is not None for each in alone) > 1):
            raise ValueError("a poll, and a message that is passed on, go out alone")
        if not text and not self.attachments and all(each is None for each in alone):
            raise ValueError("there is nothing to send: give text, attachments or a reaction")
        return self


class EditBody(Request):
    """What the message is to say instead; its files stay."""

    text: Annotated[str, NOT_BLANK] = Field(min_length=1, max_length=65_536)


class MessagePath(BaseModel):
    id: str = Field(max_length=64)


class OutboxPath(BaseModel):
    id: str = Field(max_length=64)


@api.post("/messages/send", responses={202: Accepted, 404: Failure, 409: Failure, 422: Failure})
def send_message(header: IdempotencyHeader, body: SendBody) -> Response:
    """Accept a message; it is stored and queued when this answers."""
    require(Role.AGENT)
    target = sending.Target(
        conversation_id=body.conversation_id,
        instance_id=body.channel_instance_id,
        customer_id=body.customer_id,
        external_user_id=body.external_user_id,
    )
    content = sending.Content(
        text=body.text,
        attachments=tuple(attachment.to_domain(deps(), caller().tenant_id) for attachment in body.attachments),
        reply_to=body.reply_to,
        reaction=body.reaction.to_domain() if body.reaction else None,
        template=body.template.to_domain() if body.template else None,
        choices=tuple(choice.to_domain() for choice in body.choices),
        poll=body.poll.to_domain() if body.poll else None,
        forward_of=body.forward_of,
    )
    key = header.idempotency_key
    accepted = sending.send(deps(), caller(), target, content, (key, body.model_dump()) if key else None)
    return _accepted(accepted)


@api.patch("/messages/<id>", responses={202: Accepted, 404: Failure, 409: Failure, 422: Failure})
def edit_message(path: MessagePath, body: EditBody) -> Response:
    """Have a sent message say something else, where its channel can; it does once the provider has changed it."""
    require(Role.AGENT)
    return _accepted(changing.edit(deps(), caller().tenant_id, path.id, body.text))


@api.delete("/messages/<id>", responses={202: Accepted, 404: Failure, 409: Failure, 422: Failure})
def delete_message(path: MessagePath) -> Response:
    """Take a sent message away from everybody, where its channel can. The hub keeps what it said."""
    require(Role.AGENT)
    return _accepted(changing.delete(deps(), caller().tenant_id, path.id))


@api.get("/messages/<id>/journey", responses={200: JourneyOut})
def read_journey(path: MessagePath) -> Response:
    """Tell what the hub did with a message: each step with its time and its reason, from the webhook to the receipt."""
    return answer(JourneyOut.of(journeys.of_message(deps(), caller().tenant_id, path.id)))


def _accepted(accepted: sending.Accepted) -> Response:
    return answer(Accepted.accepted(accepted.message, accepted.item), 202)


@api.get("/outbox", responses={200: OutboxPage})
def list_outbox(query: OutboxQuery) -> Response:
    """What waits, failed or died on its way out; owners only."""
    require(Role.OWNER)
    items, cursor = outbox_items.list_outbox(deps(), caller().tenant_id, query.status, query.limit, query.cursor)
    return answer(OutboxPage(items=[QueueItem.of(item) for item in items], next_cursor=cursor))


@api.post("/outbox/<id>/redrive", responses={202: QueueItem, 409: Failure})
def redrive(path: OutboxPath) -> Response:
    """Send a dead item again; owners only."""
    require(Role.OWNER)
    return answer(QueueItem.of(outbox_items.redrive(deps(), caller().tenant_id, path.id)), 202)
