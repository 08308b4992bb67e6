"""The holders of accounts' connections as a Cloud Run worker pool with manual scaling.

https://cloud.google.com/run/docs/configuring/workerpools/manual-scaling: a change of the instance count makes no new
revision, so that the instances that stay go on undisturbed.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.google.calls import errors, while_unavailable

if TYPE_CHECKING:
    from google.cloud.run_v2 import WorkerPoolsClient

_TIMEOUT: Final = 10.0  # seconds, retries included
_SERVICE: Final = "Cloud Run"


class WorkerPoolHolders:
    """`pool` is `projects/…/locations/…/workerPools/…`.

    `endpoint` (`host:port`) is a server without TLS or credentials, for tests. Google's libraries are loaded, and
    credentials looked for, at the first call.
    """

    def __init__(self, pool: str, most: int, endpoint: str | None = None) -> None:
        self._pool = pool
        self._most = most
        self._endpoint = endpoint

    @property
    def most(self) -> int:
        return self._most

    def count(self) -> int:
        with errors(_SERVICE):
            pool = self._client.get_worker_pool(name=self._pool, **self._calling)
        return int(pool.scaling.manual_instance_count)

    def scale(self, count: int) -> None:
        """Returns when Cloud Run has accepted it; the instances come and go afterwards."""
        pool = {"name": self._pool, "scaling": {"manual_instance_count": count}}
        request: dict[str, Any] = {"worker_pool": pool, "update_mask": {"paths": ["scaling.manual_instance_count"]}}
        with errors(_SERVICE):
            self._client.update_worker_pool(request=request, **self._calling)

    def close(self) -> None:
        if "_client" in vars(self):
            self._client.transport.close()  # type: ignore[no-untyped-call]  # generated code

    @cached_property
    def _client(self) -> WorkerPoolsClient:
        return _client(self._endpoint)

    @cached_property
    def _calling(self) -> dict[str, Any]:
        return {"timeout": _TIMEOUT, "retry": while_unavailable(_TIMEOUT)}


def _client(endpoint: str | None) -> WorkerPoolsClient:
    from google.cloud.run_v2 import WorkerPoolsClient  # noqa: PLC0415  cold start

    if endpoint is None:
        return WorkerPoolsClient()
    import grpc  # noqa: PLC0415  cold start
    from google.cloud.run_v2.services.worker_pools.transports import (  # noqa: PLC0415  cold start
        WorkerPoolsGrpcTransport,
    )

    return WorkerPoolsClient(transport=WorkerPoolsGrpcTransport(channel=grpc.insecure_channel(endpoint)))
