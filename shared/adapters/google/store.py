"""The store on Firestore (Native mode, Standard edition)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from shared.adapters.google import search_entries
from shared.adapters.google.calls import errors, while_contended, while_unavailable
from shared.adapters.google.queries import (
    check_conditions,
    check_query,
    cursor_after,
    fill_cursor,
    fill_query,
    fill_tie_break,
    matches_nothing,
    shape_of,
)
from shared.adapters.google.values import Message, document_name, read_fields, ref_of, version_of
from shared.adapters.google.writes import add_write
from shared.adapters.rules import is_addressable
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Document, Order, Page, Ref, Where, Write

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.firestore_v1.services.firestore import FirestoreClient


class FirestoreStore:
    """Documents in one Firestore database; every method is one RPC.

    It speaks through the generated client, because the handwritten one cannot
    put a precondition on a merge. A document's version is its update time, so a
    write that changes nothing leaves the version as it was.

    `emulator_host` (`host:port`) is that of the Firestore emulator, without
    TLS or credentials. `timeout` is in seconds and includes the retries of reads.
    Google's libraries are loaded, and credentials looked for, at the first call.
    """

    def __init__(
        self, project: str, database: str = "(default)", emulator_host: str | None = None, timeout: float = 10.0
    ) -> None:
        self._emulator_host = emulator_host
        self._database = f"projects/{project}/databases/{database}"
        self._documents = f"{self._database}/documents"
        self._timeout = timeout
        # The emulator applies security rules, where it is given any, to callers other than "owner".
        self._metadata = [("authorization", "Bearer owner")] if emulator_host else []

    @cached_property
    def _client(self) -> FirestoreClient:
        return _client(self._emulator_host)

    @cached_property
    def _types(self) -> ModuleType:
        from google.cloud.firestore_v1 import types  # noqa: PLC0415  cold start

        return types

    @cached_property
    def _reading(self) -> dict[str, Any]:
        return {"retry": while_unavailable(self._timeout), "timeout": self._timeout, "metadata": self._metadata}

    @cached_property
    def _contention(self) -> Retry:
        return while_contended(self._timeout)

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        names = [document_name(self._documents, ref) for ref in dict.fromkeys(refs) if is_addressable(ref.id)]
        if not names:
            return {}
        request = self._types.BatchGetDocumentsRequest(database=self._database, documents=names)
        with errors("Firestore"):
            answers = self._client.batch_get_documents(request=request, **self._reading)
            raw_documents = [answer.found for answer in map(_raw, answers) if answer.HasField("found")]
        documents = map(_document, raw_documents)
        return {document.ref: document for document in documents}

    def find(
        self,
        collection: str,
        where: Sequence[Where] = (),
        order_by: Sequence[Order] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        if limit < 1:
            raise ValueError("a page has at least one document")
        check_query(where, order_by)
        shape = shape_of(collection, where, order_by)
        request = self._types.RunQueryRequest.pb()(parent=self._documents)
        query = request.structured_query
        fill_query(query, collection, where, order_by)
        fill_tie_break(query, order_by)
        if cursor is not None:
            fill_cursor(query, cursor, shape, self._documents, collection)
        query.limit.value = limit + 1  # one more shows whether this page is the last
        if matches_nothing(where):
            return Page()
        raw_documents = self._run(request)
        more = len(raw_documents) > limit
        return Page(
            documents=[_document(document) for document in raw_documents[:limit]],
            cursor=cursor_after(raw_documents[limit - 1], query, order_by, shape) if more else None,
        )

    def _run(self, request: Message) -> list[Message]:
        with errors("Firestore"):
            answers = self._client.run_query(request=self._types.RunQueryRequest.wrap(request), **self._reading)
            return [answer.document for answer in map(_raw, answers) if answer.HasField("document")]

    def count(self, collection: str, where: Sequence[Where] = (), up_to: int | None = None) -> int:
        check_conditions(where)
        if matches_nothing(where):
            return 0
        request = self._types.RunAggregationQueryRequest.pb()(parent=self._documents)
        aggregation = request.structured_aggregation_query
        fill_query(aggregation.structured_query, collection, where)
        count = aggregation.aggregations.add(alias="n").count
        count.SetInParent()
        if up_to is not None:
            count.up_to.value = up_to
        with errors("Firestore"):
            answers = self._client.run_aggregation_query(
                request=self._types.RunAggregationQueryRequest.wrap(request), **self._reading
            )
            counted = [_raw(answer).result.aggregate_fields["n"].integer_value for answer in answers]
        return int(sum(counted))

    def commit(self, writes: Sequence[Write]) -> None:
        """See the port. Contention is retried here unless a version is expected: then the caller must look again."""
        if not writes:
            return
        request = self._types.CommitRequest.pb()(database=self._database)
        for write in search_entries.with_words(writes, self.get):
            add_write(request.writes, write, self._documents)
        versioned = [write.ref for write in writes if _version_expected(write)]
        with _commit_errors(writes, versioned):
            self._client.commit(
                request=self._types.CommitRequest.wrap(request),
                # Anything but contention may have been carried out, and increments must not be repeated.
                retry=None if versioned else self._contention,
                timeout=self._timeout,
                metadata=self._metadata,
            )

    def scrub(self) -> None:
        """What is deleted in Firestore is gone from its disks within Google's own time for that."""

    def close(self) -> None:
        if "_client" in vars(self):
            self._client.transport.close()  # type: ignore[no-untyped-call]  # generated code


def _client(emulator_host: str | None) -> FirestoreClient:
    from google.cloud.firestore_v1.services import firestore  # noqa: PLC0415  cold start

    if emulator_host is None:
        return firestore.FirestoreClient()
    import grpc  # noqa: PLC0415  cold start
    from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport  # noqa: PLC0415

    return firestore.FirestoreClient(transport=FirestoreGrpcTransport(channel=grpc.insecure_channel(emulator_host)))


def _raw(answer: Any) -> Message:
    return type(answer).pb(answer)


def _document(raw: Message) -> Document:
    data = read_fields(raw.fields)
    data.pop(search_entries.WORDS_FIELD, None)
    return Document(ref=ref_of(raw.name), version=version_of(raw), data=data)


def _version_expected(write: Write) -> bool:
    return not isinstance(write, Create) and write.version is not None


@contextmanager
def _commit_errors(writes: Sequence[Write], versioned: Sequence[Ref]) -> Iterator[None]:
    from google.api_core import exceptions  # noqa: PLC0415  cold start

    with errors("Firestore"):
        try:
            yield
        except exceptions.AlreadyExists as error:
            raise AlreadyExists(_existing(writes, str(error))) from error
        except (exceptions.FailedPrecondition, exceptions.NotFound, exceptions.Aborted) as error:
            if not versioned:  # a database that does not exist, or contention that does not end
                raise
            raise Conflict(versioned[0] if len(versioned) == 1 else None) from error


def _existing(writes: Sequence[Write], message: str) -> Ref | None:
    """Which document the message means: it ends with its path, in the emulator followed by a brace."""
    created = [write.ref for write in writes if isinstance(write, Create)]
    if len(created) == 1:
        return created[0]
    paths = {ref: document_name("", ref) for ref in created}
    return next((ref for ref, path in paths.items() if message.endswith((path, path + "}"))), None)
