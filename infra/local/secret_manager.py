"""Secret Manager in memory: the methods that the hub uses, over real gRPC, for the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.cloud.secretmanager_v1 import types
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]  # it has no types

State = types.SecretVersion.State


@dataclass
class Version:
    data: bytes
    destroyed: bool = False


class Refused(Exception):
    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class SecretManager(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """`secrets` holds each secret's versions, the first being number 1; `calls` are the methods called so far.

    As in the real one, `latest` is the version made last, in whatever state.
    """

    address: str = ""
    secrets: dict[str, list[Version]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        name = call.method.rsplit("/", 1)[1]
        methods: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "CreateSecret": (types.CreateSecretRequest, self._create),
            "AddSecretVersion": (types.AddSecretVersionRequest, self._add),
            "AccessSecretVersion": (types.AccessSecretVersionRequest, self._access),
            "ListSecretVersions": (types.ListSecretVersionsRequest, self._list),
            "DestroySecretVersion": (types.DestroySecretVersionRequest, self._destroy),
            "DeleteSecret": (types.DeleteSecretRequest, self._delete),
        }
        if name not in methods:
            return None
        request_type, method = methods[name]

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append(name)
            try:
                return method(request)
            except Refused as refused:
                context.abort(refused.code, name)

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request_type.deserialize, response_serializer=_serialized
        )

    def _create(self, request: types.CreateSecretRequest) -> types.Secret:
        name = f"{request.parent}/secrets/{request.secret_id}"
        if name in self.secrets:
            _refuse(grpc.StatusCode.ALREADY_EXISTS)
        if "automatic" not in request.secret.replication:
            _refuse(grpc.StatusCode.INVALID_ARGUMENT)
        self.secrets[name] = []
        return types.Secret(name=name)

    def _add(self, request: types.AddSecretVersionRequest) -> types.SecretVersion:
        versions = self._versions(request.parent)
        versions.append(Version(request.payload.data))
        return _version(request.parent, len(versions), versions[-1])

    def _access(self, request: types.AccessSecretVersionRequest) -> types.AccessSecretVersionResponse:
        version = self._version(request.name)
        if version.destroyed:
            _refuse(grpc.StatusCode.FAILED_PRECONDITION)
        return types.AccessSecretVersionResponse(name=request.name, payload={"data": version.data})

    def _list(self, request: types.ListSecretVersionsRequest) -> types.ListSecretVersionsResponse:
        if request.filter not in ("", "state:(ENABLED OR DISABLED)"):
            _refuse(grpc.StatusCode.INVALID_ARGUMENT)
        numbered = list(enumerate(self._versions(request.parent), start=1))
        listed = [(number, version) for number, version in numbered if not (request.filter and version.destroyed)]
        return types.ListSecretVersionsResponse(
            versions=[_version(request.parent, number, version) for number, version in reversed(listed)]
        )

    def _destroy(self, request: types.DestroySecretVersionRequest) -> types.SecretVersion:
        version = self._version(request.name)
        version.data, version.destroyed = b"", True
        return types.SecretVersion(name=request.name, state=State.DESTROYED)

    def _delete(self, request: types.DeleteSecretRequest) -> Empty:
        self._versions(request.name)
        del self.secrets[request.name]
        return Empty()

    def _versions(self, secret: str) -> list[Version]:
        if secret not in self.secrets:
            _refuse(grpc.StatusCode.NOT_FOUND)
        return self.secrets[secret]

    def _version(self, name: str) -> Version:
        secret, _, number = name.partition("/versions/")
        versions = self._versions(secret)
        position = len(versions) if number == "latest" else int(number)
        if not 1 <= position <= len(versions):
            _refuse(grpc.StatusCode.NOT_FOUND)
        return versions[position - 1]


def _refuse(code: grpc.StatusCode) -> NoReturn:
    raise Refused(code)


def _version(secret: str, number: int, version: Version) -> types.SecretVersion:
    state = State.DESTROYED if version.destroyed else State.ENABLED
    return types.SecretVersion(name=f"{secret}/versions/{number}", state=state)


def _serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString() if isinstance(message, Empty) else type(message).serialize(message))


@contextmanager
def serving() -> Iterator[SecretManager]:
    """An empty Secret Manager on a free port of this machine."""
    manager = SecretManager()
    server = grpc.server(ThreadPoolExecutor(max_workers=8), handlers=[manager])
    manager.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield manager
    server.stop(grace=None).wait()
