"""OmniChat's form of a message's journey."""

from __future__ import annotations

from pydantic import Field

from functions.omnichat.schemas import Wire
from shared.http.times import Milliseconds
from shared.usecases.overview.journeys import Journey


class StepOut(Wire):
    """One step: `name` and `code` are for programs, `text` for people; `answer` is what the provider said.

    `at` is null where no time is kept. `messageId` is another message that the step is about.
    """

    name: str = Field(examples=["sent"])
    at: Milliseconds | None
    text: str = Field(examples=["The provider took it."])
    code: str | None = Field(examples=["outside_window"])
    answer: str | None = Field(examples=["wamid.HBgM"])
    message_id: str | None
    tools: list[str] = Field(examples=[["find_order"]])


class JourneyOut(Wire):
    """What was done with a message, in order; `explanation` says how it stands. Logs are found by `traceId`."""

    message_id: str
    conversation_id: str
    status: str = Field(examples=["delivered"])
    trace_id: str | None = Field(examples=["0af7651916cd43dd8448eb211c80319c"])
    explanation: str = Field(examples=["The provider took it, and has not reported more."])
    steps: list[StepOut]

    @classmethod
    def of(cls, journey: Journey) -> JourneyOut:
        message = journey.message
        return cls(
            message_id=message.id,
            conversation_id=message.conversation_id,
            status=message.status.value.lower(),
            trace_id=journey.trace_id,
            explanation=journey.explanation,
            steps=[StepOut.model_validate(step, from_attributes=True) for step in journey.steps],
        )
