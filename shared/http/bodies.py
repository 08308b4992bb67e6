"""JSON in and out: strict reading, so that nothing odd gets past the door, and one form of writing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import Request, Response
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from shared.errors import BadRequest
from shared.http.times import milliseconds

# Firestore takes 20 levels; the documents that hold a body put a few around it.
MAX_DEPTH = 16
_INT64 = 2**63


class JSONRequest(Request):
    """A request whose JSON is read strictly, whatever `silent` says: what cannot be used is a `BadRequest`."""

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The query's parameters. One without a value is as good as not given: forms and clients send such."""
        given = super().args
        return ImmutableMultiDict((name, value) for name, value in given.items(multi=True) if value)

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        """Return the body; one that was sent in chunks and is too large is refused, where Flask would cut it off."""
        body = super().get_data(*args, **kwargs)
        limit = self.max_content_length
        if limit is not None and self.content_length is None and len(body) >= limit:
            raise RequestEntityTooLarge
        return body

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body; an empty one is an empty object, so that the model says what is missing."""
        body = self.get_data()
        if not body.strip():
            return {}
        if not force and not self.is_json:
            raise BadRequest(f"Content-Type must be application/json, not {self.mimetype or 'empty'}")
        value = read_json(body)
        if not isinstance(value, (dict, list)):
            raise BadRequest("The body must be a JSON object")
        return value


class JSONWriter(DefaultJSONProvider):
    """Writes answers: keys in their own order, plain UTF-8, times in UTC with milliseconds."""

    sort_keys = False
    ensure_ascii = False
    default = staticmethod(lambda value: milliseconds(value) if isinstance(value, datetime) else _unknown(value))


def _unknown(value: object) -> Any:
    return DefaultJSONProvider.default(value)


def answer(model: BaseModel, status: int = 200) -> Response:
    """Answer a wire model under its aliases."""
    return Response(model.model_dump_json(by_alias=True), status, mimetype="application/json")


def read_json(body: bytes) -> Any:
    """Parse UTF-8 JSON that every store can keep; raises `BadRequest` saying what is wrong with it."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"), parse_int=_integer, parse_float=_finite, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise BadRequest("The body is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error.msg} at line {error.lineno}") from None
    except RecursionError:
        raise BadRequest(f"The body is nested more than {MAX_DEPTH} levels deep") from None
    for text in _texts(value):
        check_text(text)
    return value


def check_text(text: str) -> None:
    """Refuse what cannot be stored as text: NUL characters, and halves of surrogate pairs."""
    if "\0" in text:
        raise BadRequest("Text must not hold NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest("Text must not hold lone surrogates") from None


def _texts(value: object) -> Iterator[str]:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, str):
                yield item
            elif isinstance(item, dict):
                yield from item
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return
        level = below
    raise BadRequest(f"The body is nested more than {MAX_DEPTH} levels deep")


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else _INT64
    if not -_INT64 <= number < _INT64:
        raise BadRequest("Whole numbers must fit into 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadRequest("Numbers must be finite")
    return number


def _no_constant(name: str) -> float:
    raise BadRequest(f"The body is not valid JSON: {name} is not a JSON number")
