"""A gRPC server that passes every call on and shows it to a watcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc


@dataclass(slots=True)
class Call:
    """A method's name without its service, and the serialized messages: the request, and the answers so far."""

    method: str
    request: bytes
    answers: list[bytes] = field(default_factory=list)


Watch = Callable[[Call], grpc.StatusCode | None]
"""Sees a call before it is passed on; what it returns refuses the call with that status."""

_STREAMED = "StreamingPull"
"""The one method of ours whose requests are a stream; it is passed on unseen."""


@dataclass(frozen=True, slots=True)
class _Forwarder(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    upstream: grpc.Channel
    watch: Watch

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        if call.method.endswith(f"/{_STREAMED}"):
            return grpc.stream_stream_rpc_method_handler(self._forwarded_stream(call))

        # A unary answer is a stream of one on the wire, so that one kind of handler serves both.
        def forward(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            seen = Call(call.method.rsplit("/", 1)[1], request)
            if (refused := self.watch(seen)) is not None:
                context.abort(refused, "refused by the watcher")
            try:
                for answer in self.upstream.unary_stream(call.method)(
                    request, timeout=context.time_remaining(), metadata=call.invocation_metadata
                ):
                    seen.answers.append(answer)
                    yield answer
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        return grpc.unary_stream_rpc_method_handler(forward)

    def _forwarded_stream(self, call: grpc.HandlerCallDetails) -> Callable[..., Iterator[bytes]]:
        def forward(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            try:
                yield from self.upstream.stream_stream(call.method)(requests, metadata=call.invocation_metadata)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        return forward


@contextmanager
def forwarding(address: str, watch: Watch) -> Iterator[str]:
    """Stand in front of `address` (`host:port`), on a free port of this machine; gives its own address."""
    with grpc.insecure_channel(address) as upstream:
        server = grpc.server(ThreadPoolExecutor(max_workers=4), handlers=[_Forwarder(upstream, watch)])
        own = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        yield own
        server.stop(grace=None).wait()
