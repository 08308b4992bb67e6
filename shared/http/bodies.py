"""JSON in and out: requests are parsed strictly, and all responses have one format."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from flask import Request, Response
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from shared.domain import storable
from shared.errors import BadRequest
from shared.http.times import milliseconds


class JSONRequest(Request):
    """A request whose JSON is parsed strictly, whatever `silent` says; invalid JSON raises `BadRequest`."""

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The query's parameters. One without a value counts as missing: forms and some clients send these."""
        parameters = super().args
        return ImmutableMultiDict((name, value) for name, value in parameters.items(multi=True) if value)

    @cached_property
    def parameter_names(self) -> Sequence[str]:
        """The names of the query's parameters, also of those without a value."""
        return [name for name, _ in parse_qsl(self.query_string.decode(errors="replace"), keep_blank_values=True)]

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        """Return the body. A body that is sent in chunks and is too large is refused; Flask would truncate it."""
        body = super().get_data(*args, **kwargs)
        limit = self.max_content_length
        if limit is not None and self.content_length is None and len(body) >= limit:
            raise RequestEntityTooLarge
        return body

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body; an empty one is an empty object, so that the model says what is missing."""
        if not force and not self.is_json and self.get_data().strip():
            raise BadRequest(f"Content-Type must be application/json, not {self.mimetype or 'empty'}")
        return self._json

    @cached_property
    def _json(self) -> Any:
        body = self.get_data()
        if not body.strip():
            return {}
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
    """Parse UTF-8 JSON whose values every store can keep; raises `BadRequest` saying what is wrong with it."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"), parse_int=_integer, parse_float=_finite, parse_constant=_no_constant
        )
        storable.check_readable(value)
    except UnicodeDecodeError:
        raise BadRequest("The body is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error.msg} at line {error.lineno}") from None
    except RecursionError:
        raise BadRequest(storable.TOO_DEEP) from None
    except ValueError as error:
        raise BadRequest(str(error)) from None
    return value


def base_name(name: str | None) -> str | None:
    """A file's name as a client gave it, without the folders before it; raises as `check_text`."""
    last_part = (name or "").replace("\\", "/").rpartition("/")[2][:255]
    check_text(last_part)
    return last_part or None


def check_text(text: str) -> None:
    """Refuse what cannot be stored as text: NUL characters, and halves of surrogate pairs."""
    try:
        storable.check_text(text)
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _integer(digits: str) -> int:
    # Reading thousands of digits takes long.
    number = int(digits[:21])
    storable.check_integer(number)
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadRequest("Numbers must be finite")
    return number


def _no_constant(name: str) -> float:
    raise BadRequest(f"The body is not valid JSON: {name} is not a JSON number")
