"""The store's queries as Firestore `StructuredQuery` messages, and their cursors."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from shared.adapters.google.values import Message, document_name, field_path, fill, ref_of
from shared.adapters.rules import is_addressable
from shared.errors import BadRequest
from shared.ports.store import Order, Ref, Where

_OPERATORS: Final = {
    "==": "EQUAL",
    "<": "LESS_THAN",
    "<=": "LESS_THAN_OR_EQUAL",
    ">": "GREATER_THAN",
    ">=": "GREATER_THAN_OR_EQUAL",
    "in": "IN",
}
_RANGES: Final = ("<", "<=", ">", ">=")
_MAX_IN_VALUES: Final = 30
_DIGEST_SIZE: Final = 6
_PLAIN: Final = frozenset(
    {"null_value", "boolean_value", "integer_value", "double_value", "string_value", "timestamp_value"}
)


def check_query(where: Sequence[Where], order_by: Sequence[Order]) -> None:
    """Raise `ValueError` for a query that the port does not allow."""
    check_conditions(where)
    if _ranged(where) - {order.field for order in order_by[:1]}:
        raise ValueError("a range's field must be the first in order_by")


def check_conditions(where: Sequence[Where]) -> None:
    """Raise `ValueError` for conditions that the port does not allow."""
    if len(_ranged(where)) > 1:
        raise ValueError("only one field may have a range")
    for condition in where:
        values = list(condition.value) if condition.op == "in" else [condition.value]
        if len(values) > _MAX_IN_VALUES:
            raise ValueError(f"`in` takes up to {_MAX_IN_VALUES} values")
        if None in values and condition.op != "==":
            raise ValueError("None can only be compared with ==")


def _ranged(where: Sequence[Where]) -> set[str]:
    return {condition.field for condition in where if condition.op in _RANGES}


def matches_nothing(where: Sequence[Where]) -> bool:
    """Whether a condition allows no value at all; Firestore refuses an empty IN."""
    return any(condition.op == "in" and not condition.value for condition in where)


def fill_query(query: Message, collection: str, where: Sequence[Where], order_by: Sequence[Order] = ()) -> None:
    """Write conditions and order into an empty `StructuredQuery`."""
    query.from_.add(collection_id=collection)
    for condition in where:
        composite = query.where.composite_filter
        composite.op = composite.AND
        _fill_condition(composite.filters.add(), condition)
    for order in order_by:
        _add_order(query, _path(order.field), order.descending)


def fill_tie_break(query: Message, order_by: Sequence[Order]) -> None:
    """Break ties by name, in the direction of the last order: the only one that Firestore's indexes have."""
    _add_order(query, "__name__", bool(order_by) and order_by[-1].descending)


def _add_order(query: Message, path: str, descending: bool) -> None:
    order = query.order_by.add(direction=query.DESCENDING if descending else query.ASCENDING)
    order.field.field_path = path


def _path(field: str) -> str:
    return field_path(field.split("."))


def _fill_condition(target: Message, condition: Where) -> None:
    comparison = target.unary_filter if condition.value is None else target.field_filter
    comparison.field.field_path = _path(condition.field)
    if condition.value is None:
        comparison.op = comparison.IS_NULL
        return
    comparison.op = getattr(comparison, _OPERATORS[condition.op])
    fill(comparison.value, list(condition.value) if condition.op == "in" else condition.value)


def cursor_after(document: Message, query: Message, order_by: Sequence[Order], shape: str) -> str:
    """An opaque cursor: a digest over the query's shape and the position, then the document's order values and id."""
    position = type(query.start_at)()
    for order in order_by:
        position.values.add().CopyFrom(_value_at(document.fields, order.field.split(".")))
    position.values.add(string_value=ref_of(document.name).id)
    raw = position.SerializeToString()
    return base64.urlsafe_b64encode(_digest(shape, raw) + raw).rstrip(b"=").decode()


def fill_cursor(query: Message, cursor: str, shape: str, document_root: str, collection: str) -> None:
    """Start a query after `cursor`; raises `BadRequest` for a cursor of another query, or an invented one."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"}) from error
    digest, position = raw[:_DIGEST_SIZE], raw[_DIGEST_SIZE:]
    if digest != _digest(shape, position) or not _is_position(query, position):
        raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"})
    last = query.start_at.values[-1]
    last.reference_value = document_name(document_root, Ref(collection, last.string_value))


def _is_position(query: Message, position: bytes) -> bool:
    """Start the query at the position; False for one at which no page ends, because anybody can compute the digest."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415  cold start

    try:
        query.start_at.MergeFromString(position)
    except DecodeError:
        return False
    kinds = [value.WhichOneof("value_type") for value in query.start_at.values]
    # The tie-break by name is the last order; its value comes as the document's id.
    if len(kinds) != len(query.order_by) or kinds[-1] != "string_value" or not _PLAIN.issuperset(kinds):
        return False
    return is_addressable(query.start_at.values[-1].string_value)


def shape_of(collection: str, where: Sequence[Where], order_by: Sequence[Order]) -> str:
    """What a cursor must have in common with its query; the values compared with may differ from page to page."""
    conditions = sorted((condition.field, condition.op) for condition in where)
    return repr((collection, conditions, [(order.field, order.descending) for order in order_by]))


def _digest(shape: str, position: bytes) -> bytes:
    return hashlib.blake2b(shape.encode() + b"\0" + position, digest_size=_DIGEST_SIZE).digest()


def _value_at(fields: Message, path: Sequence[str]) -> Message:
    for name in path[:-1]:
        fields = fields[name].map_value.fields
    return fields[path[-1]]
