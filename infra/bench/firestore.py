"""What reaches Firestore, counted on the wire."""

from __future__ import annotations

from google.cloud.firestore_v1 import types

from infra.bench.counting import Cost
from infra.bench.forwarding import Call


class FirestoreMeter:
    """Give its `watch` to `forwarding`, and its client that address."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def watch(self, call: Call) -> None:
        """Keep a call, to be counted when its answers are complete."""
        self._calls.append(call)

    @property
    def spent(self) -> Cost:
        return sum(map(cost_of, self._calls), Cost())


def cost_of(call: Call) -> Cost:
    """What is paid for a call; raises `ValueError` for a method that the store does not use."""
    match call.method:
        case "BatchGetDocuments":
            return Cost(reads=1, documents_read=len(types.BatchGetDocumentsRequest.deserialize(call.request).documents))
        case "RunQuery":
            documents = sum("document" in types.RunQueryResponse.deserialize(answer) for answer in call.answers)
            return Cost(reads=1, documents_read=max(1, documents))
        case "RunAggregationQuery":
            return Cost(reads=1, documents_read=1)
        case "Commit":
            writes = types.CommitRequest.deserialize(call.request).writes
            return Cost(
                commits=1,
                documents_written=len(writes),
                documents_deleted=sum("delete" in write for write in writes),
            )
    raise ValueError(f"nobody knows what {call.method} costs")
