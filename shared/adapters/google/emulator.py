"""A channel to the Pub/Sub emulator that ends streams in the one way which the emulator notices.

When a client cancels a stream, the emulator (0.8.20) fails inside its gRPC server
and goes on to hand messages to that stream: every ordering key that it has seen
stays with it for good. A stream whose requests end is closed properly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc


class _Call:
    """A streaming call whose `cancel` leaves it to the end of the requests, which Google's client sends as well."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def cancel(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._call)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class _EndsInsteadOfCancelling(grpc.StreamStreamClientInterceptor):  # type: ignore[misc]  # grpc has no types
    def intercept_stream_stream(self, call: Callable[..., Any], details: Any, requests: Iterator[Any]) -> _Call:
        return _Call(call(details, requests))


def channel_to(emulator_host: str) -> Any:
    """A gRPC channel to `host:port`, without TLS."""
    return grpc.intercept_channel(grpc.insecure_channel(emulator_host), _EndsInsteadOfCancelling())
