"""Cloud Run in memory: the two calls by which a worker pool is scaled, over real gRPC, for the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.run_v2 import types
from google.longrunning.operations_pb2 import Operation  # type: ignore[import-untyped]  # it has no types

POOL = "projects/p/locations/europe-west1/workerPools/hub-holders"


@dataclass
class CloudRun(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """`pools` has each pool's number of instances, `calls` the methods called so far; `refusal` answers them all."""

    address: str = ""
    pools: dict[str, int] = field(default_factory=lambda: {POOL: 1})
    calls: list[str] = field(default_factory=list)
    refusal: grpc.StatusCode | None = None

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        name = call.method.rsplit("/", 1)[1]
        methods: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "GetWorkerPool": (types.GetWorkerPoolRequest, self._get),
            "UpdateWorkerPool": (types.UpdateWorkerPoolRequest, self._update),
        }
        form, method = methods[name]

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append(name)
            if self.refusal is not None:
                context.abort(self.refusal, name)
            return method(request)

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=form.deserialize, response_serializer=_serialized
        )

    def _get(self, request: types.GetWorkerPoolRequest) -> types.WorkerPool:
        return types.WorkerPool(name=request.name, scaling={"manual_instance_count": self.pools[request.name]})

    def _update(self, request: types.UpdateWorkerPoolRequest) -> Operation:
        assert list(request.update_mask.paths) == ["scaling.manual_instance_count"]
        self.pools[request.worker_pool.name] = request.worker_pool.scaling.manual_instance_count
        return Operation(name=f"{request.worker_pool.name}/operations/1")


def _serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString() if isinstance(message, Operation) else type(message).serialize(message))


@contextmanager
def serving() -> Iterator[CloudRun]:
    """A Cloud Run with one pool of one instance, on a free port of this machine."""
    cloud_run = CloudRun()
    server = grpc.server(ThreadPoolExecutor(max_workers=2), handlers=[cloud_run])
    cloud_run.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield cloud_run
    server.stop(grace=None).wait()
