"""Analytics on the wire: camel case outside, snake case inside, as the document prints them.

Times are seconds and scores 0 to 5, with one decimal; what is not known is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from functions.dashboard.schemas import CHANNELS
from functions.dashboard.vocabulary import ChannelFilter
from shared.domain.analytics import Bucket, Counters, Range
from shared.domain.instances import CALLS, ChannelType
from shared.http.described import DescribedByFields
from shared.http.times import WholeSeconds
from shared.usecases.reporting.analytics import Overview, Performance, Satisfaction


class DashboardQuery(BaseModel):
    """1h comes in buckets of five minutes, 24h in hours, 7d and 30d in days (UTC).

    They cover the whole range: the last bucket is still running, the first may be counted from within.
    """

    range: Range = Range.DAY


class PerformanceQuery(BaseModel):
    """Without `channel`, all of them together."""

    channel: ChannelFilter = None
    range: Range = Range.WEEK


class SatisfactionQuery(BaseModel):
    range: Range = Range.MONTH


class MessagingMetrics(BaseModel):
    """`messages` counts both directions: what came in, and what was accepted for sending.

    `avg_response_time` is from a customer's first unanswered message until an answer was accepted.
    """

    sessions: int
    messages: int
    avg_response_time: float


class CallMetrics(BaseModel):
    """`quality_score` is how customers rated those sessions."""

    calls: int
    minutes: float
    quality_score: float


class TrendPoint(BaseModel):
    """What was counted from `timestamp` to the next point."""

    timestamp: WholeSeconds
    sessions: int
    messages: int


def _points(trend: Sequence[Bucket]) -> list[TrendPoint]:
    return [
        TrendPoint(timestamp=bucket.at, sessions=bucket.counters.sessions, messages=bucket.counters.messages)
        for bucket in trend
    ]


def _metrics(channel: ChannelType, counters: Counters) -> MessagingMetrics | CallMetrics:
    if channel in CALLS:
        return CallMetrics(calls=counters.calls, minutes=counters.minutes, quality_score=counters.call_quality)
    return MessagingMetrics(
        sessions=counters.sessions, messages=counters.messages, avg_response_time=counters.response_time
    )


class DashboardOut(DescribedByFields):
    """`channelMetrics` has the channel types that counted anything; `trends` is empty when none did.

    `totalCalls` and `activeCalls`, of the range and at this moment, are for the dashboard's start page alone
    (`X-Client-Version`). `slaBreaches`, where there are any, counts what was overdue by an SLA policy.
    """

    totalSessions: int
    activeChannels: int
    responseTime: float
    satisfactionScore: float
    channelMetrics: dict[str, MessagingMetrics | CallMetrics]
    trends: list[TrendPoint]
    totalCalls: int | None = None
    activeCalls: int | None = None
    slaBreaches: int | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}

    @classmethod
    def of(cls, overview: Overview) -> DashboardOut:
        return cls(
            totalSessions=overview.total.sessions,
            activeChannels=overview.active_channels,
            responseTime=overview.total.response_time,
            satisfactionScore=overview.total.satisfaction,
            channelMetrics={
                CHANNELS[channel]: _metrics(channel, figures) for channel, figures in overview.channels.items()
            },
            trends=_points(overview.trend),
            slaBreaches=overview.total.sla_breaches or None,
        )


class PerformanceMetrics(BaseModel):
    """`resolutionRate` is in percent."""

    totalSessions: int
    avgResponseTime: float
    resolutionRate: float = Field(ge=0, le=100)
    customerSatisfaction: float


class PerformanceOut(BaseModel):
    """`hourlyData` has every hour of the range that has begun, unless nothing was counted at all."""

    channel: str
    timeRange: Range
    metrics: PerformanceMetrics
    hourlyData: list[TrendPoint]

    @classmethod
    def of(cls, query: PerformanceQuery, performance: Performance) -> PerformanceOut:
        return cls(
            channel=CHANNELS[query.channel] if query.channel else "all",
            timeRange=query.range,
            metrics=PerformanceMetrics(
                totalSessions=performance.total.sessions,
                avgResponseTime=performance.total.response_time,
                resolutionRate=performance.total.resolution_rate,
                customerSatisfaction=performance.total.satisfaction,
            ),
            hourlyData=_points(performance.hours),
        )


class SatisfactionPoint(BaseModel):
    """`score` is 0 where there were no `responses`."""

    timestamp: WholeSeconds
    score: float
    responses: int


class SatisfactionOut(BaseModel):
    """`byChannel` has the channel types that were rated."""

    overallScore: float
    totalResponses: int
    byChannel: dict[str, float]
    trends: list[SatisfactionPoint]

    @classmethod
    def of(cls, satisfaction: Satisfaction) -> SatisfactionOut:
        return cls(
            overallScore=satisfaction.total.satisfaction,
            totalResponses=max(0, satisfaction.total.ratings),
            byChannel={CHANNELS[channel]: rating.satisfaction for channel, rating in satisfaction.channels.items()},
            trends=[
                SatisfactionPoint(
                    timestamp=bucket.at, score=bucket.counters.satisfaction, responses=max(0, bucket.counters.ratings)
                )
                for bucket in satisfaction.trend
            ],
        )
