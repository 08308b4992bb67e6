"""The forms in which later Omni servers tell what became of messages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, Field, RootModel

from shared.domain.instances import Instance
from shared.domain.messages import Message, MessageKind, MessageStatus
from shared.http.any_case import ANY_CASE
from shared.http.times import Milliseconds, in_utc
from shared.usecases.overview.traces import EARLIEST, LATEST, Trace, TraceFilter, TraceStatus

_DEFAULT_SPAN = timedelta(hours=24)

Moment = Annotated[datetime, AfterValidator(in_utc)]
Text = Annotated[str, Field(max_length=256)]


class SpanQuery(BaseModel):
    """From when to when; without either of them the last 24 hours."""

    start_date: Moment | None = None
    end_date: Moment | None = None
    instance_name: Text | None = None

    def span(self, now: datetime, *, all_time: bool = False) -> tuple[datetime, datetime]:
        """The first and the last moment."""
        if self.start_date is None and self.end_date is None and not all_time:
            return now - _DEFAULT_SPAN, LATEST
        return self.start_date or EARLIEST, self.end_date or LATEST


class TracesQuery(SpanQuery):
    phone: Text | None = Field(default=None, validation_alias=AliasChoices("phone", "sender_phone"))
    trace_status: Annotated[TraceStatus | None, ANY_CASE] = Field(
        default=None, validation_alias=AliasChoices("trace_status", "status")
    )
    message_type: Annotated[MessageKind | None, ANY_CASE] = None
    session_name: Text | None = None
    agent_session_id: Text | None = None
    has_media: bool | None = None
    all_time: bool = False
    limit: int = Field(default=50, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=10_000)

    def filter(self, instance: Instance | None, now: datetime) -> TraceFilter:
        start, end = self.span(now, all_time=self.all_time)
        return TraceFilter(
            instance=instance,
            phone=self.phone,
            status=self.trace_status,
            kind=self.message_type,
            session_name=self.session_name,
            conversation_id=self.agent_session_id,
            has_media=self.has_media,
            start=start,
            end=end,
        )


class PhonePath(BaseModel):
    phone: str


class PhoneQuery(BaseModel):
    limit: int = Field(default=50, ge=1, le=1000)


class TracePath(BaseModel):
    trace_id: str


class PayloadsQuery(BaseModel):
    include_payload: bool = False


class CleanupQuery(BaseModel):
    days_old: int = Field(default=30, ge=1, le=3650)
    dry_run: bool = True


class TraceOut(BaseModel):
    """A customer's message and what became of it; `trace_id` is the message's id."""

    trace_id: str
    instance_name: str
    sender_phone: str
    status: TraceStatus
    received_at: Milliseconds
    whatsapp_message_id: str | None
    sender_name: str | None
    message_type: MessageKind
    has_media: bool
    has_quoted_message: bool
    session_name: str | None
    agent_session_id: str
    error_message: str | None
    error_stage: Literal["evolution_send"] | None
    completed_at: Milliseconds | None
    agent_processing_time_ms: int | None
    total_processing_time_ms: int | None
    agent_response_success: bool | None
    evolution_success: bool | None

    @classmethod
    def of(cls, trace: Trace, instance: Instance | None) -> TraceOut:
        """`instance` is None for one that was deleted."""
        message, answer = trace.message, trace.answer
        failed = trace.status is TraceStatus.FAILED
        return cls(
            trace_id=message.id,
            instance_name=instance.name if instance else message.instance_id,
            sender_phone=trace.sender_phone,
            status=trace.status,
            received_at=message.sent_at,
            whatsapp_message_id=message.external_message_id,
            sender_name=message.author_name,
            message_type=message.kind,
            has_media=trace.has_media,
            has_quoted_message=bool(message.reply_to or message.content.quoted),
            session_name=session_name(trace, instance),
            agent_session_id=message.conversation_id,
            error_message=answer.error if answer and failed else None,
            error_stage="evolution_send" if failed else None,
            completed_at=answer.created_at if answer and trace.status is TraceStatus.COMPLETED else None,
            agent_processing_time_ms=trace.milliseconds if trace.is_answered_by_agent else None,
            total_processing_time_ms=trace.milliseconds,
            agent_response_success=trace.is_answered_by_agent if answer else None,
            evolution_success=_is_sent(answer) if answer else None,
        )


def session_name(trace: Trace, instance: Instance | None) -> str | None:
    """What the agent service of the instance is told to call the conversation."""
    return f"{instance.session_id_prefix}{trace.conversation.external_conversation_id}" if instance else None


def _is_sent(message: Message) -> bool:
    return message.status in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)


class TracesOut(RootModel[list[TraceOut]]):
    """A bare list, newest first."""


Stage = Literal["webhook_received", "agent_response", "evolution_send"]


class PayloadOut(BaseModel):
    """One step of a trace: what the hub keeps of it, which is not the provider's own words."""

    id: int
    trace_id: str
    stage: Stage
    payload_type: Literal["webhook", "request", "response"]
    timestamp: Milliseconds
    status_code: None = None
    error_details: str | None
    payload_size_original: int
    payload_size_compressed: None = None
    compression_ratio: None = None
    contains_media: bool
    contains_base64: Literal[False] = False
    payload: dict[str, Any] | None


class PayloadsOut(RootModel[list[PayloadOut]]):
    """The steps in their order."""

    @classmethod
    def of(cls, trace: Trace, *, with_payloads: bool) -> PayloadsOut:
        steps: list[tuple[Stage, Message]] = [("webhook_received", trace.message)]
        if trace.answer is not None:
            steps += [("agent_response", trace.answer)] if trace.is_answered_by_agent else []
            steps.append(("evolution_send", trace.answer))
        numbered = enumerate(steps, start=1)
        return cls([_payload(trace, number, *step, with_payload=with_payloads) for number, step in numbered])


def _payload(trace: Trace, number: int, stage: Stage, message: Message, *, with_payload: bool) -> PayloadOut:
    kinds: dict[Stage, Literal["webhook", "request", "response"]] = {
        "webhook_received": "webhook",
        "agent_response": "response",
        "evolution_send": "request",
    }
    payload = {
        "message_id": message.external_message_id,
        "type": message.kind,
        "text": message.text,
        "attachments": [
            {"type": each.type, "mime_type": each.mime_type, "file_name": each.file_name}
            for each in message.attachments
        ],
    }
    return PayloadOut(
        id=number,
        trace_id=trace.message.id,
        stage=stage,
        payload_type=kinds[stage],
        timestamp=message.created_at,
        error_details=message.error if stage == "evolution_send" else None,
        payload_size_original=len(json.dumps(payload, default=str)),
        contains_media=bool(message.attachments),
        payload=payload if with_payload else None,
    )


class SummaryOut(BaseModel):
    """Figures over the traces of a time; `success_rate` is in percent of what is completed or failed."""

    total_messages: int
    successful_messages: int
    failed_messages: int
    success_rate: float
    avg_processing_time_ms: float | None
    avg_agent_time_ms: float | None
    message_types: dict[str, int]
    error_stages: dict[str, int]
    instances: dict[str, int]

    @classmethod
    def of(cls, traces: Sequence[Trace], names: Mapping[str, str]) -> SummaryOut:
        """`names` are those of the instances by their ids."""
        statuses = Counter(trace.status for trace in traces)
        completed, failed = statuses[TraceStatus.COMPLETED], statuses[TraceStatus.FAILED]
        by_agent = [trace for trace in traces if trace.is_answered_by_agent]
        ids = (trace.message.instance_id for trace in traces)
        return cls(
            total_messages=len(traces),
            successful_messages=completed,
            failed_messages=failed,
            success_rate=round(100 * completed / (completed + failed), 2) if completed + failed else 0.0,
            avg_processing_time_ms=_average(traces),
            avg_agent_time_ms=_average(by_agent),
            message_types=dict(Counter(trace.message.kind.value for trace in traces)),
            error_stages={"evolution_send": failed} if failed else {},
            instances=dict(Counter(names.get(instance_id, instance_id) for instance_id in ids)),
        )


def _average(traces: Sequence[Trace]) -> float | None:
    durations = [trace.milliseconds for trace in traces if trace.milliseconds is not None]
    return round(sum(durations) / len(durations), 2) if durations else None


class DryCleanup(BaseModel):
    status: Literal["dry_run"] = "dry_run"
    traces_to_delete: int = 0
    cutoff_date: Milliseconds
    message: str


class Cleanup(BaseModel):
    status: Literal["completed"] = "completed"
    traces_deleted: int = 0
    message: str


class CleanupOut(RootModel[DryCleanup | Cleanup]):
    """There is nothing to clean up, for traces are read from the messages themselves."""
