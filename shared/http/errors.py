"""Error responses: all dialects share one body."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from shared.errors import (
    BadRequest,
    ChannelName,
    Detail,
    FieldName,
    HubError,
    Overloaded,
    ProviderUnavailable,
    StoreError,
    TooManyRequests,
    Unauthorized,
)
from shared.logs import current_trace

if TYPE_CHECKING:
    from flask import Blueprint, Flask

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How a dialect names the fields and channel types that an error mentions."""

    field: Callable[[str], str] = str
    channel: Callable[[str], str] = str

    def sentence(self, detail: Detail) -> str:
        """The sentence in the dialect's names."""
        return "".join(map(self._name, (detail,) if isinstance(detail, str) else detail))

    def fields(self, reasons: Mapping[str, Detail]) -> dict[str, str]:
        """The reasons by the dialect's names of the fields."""
        return {self._name(field): self.sentence(reason) for field, reason in reasons.items()}

    def _name(self, part: str) -> str:
        if isinstance(part, FieldName):
            return self.field(part)
        return self.channel(part) if isinstance(part, ChannelName) else part


PLAIN = Vocabulary()
"""The hub's own names."""


class Failure(BaseModel):
    """What every failed request is answered with. The sentence has three names, because clients read different ones."""

    model_config = ConfigDict(title="Error")

    detail: str = Field(description="Written for a person.")
    message: str = Field(description="The same as `detail`.")
    error: str = Field(description="The same as `detail`.")
    code: str = Field(description="Written for a program, such as `not_found` or `overloaded`.")
    request_id: str = Field(description="Quote it when asking for help; the log lines carry it.")
    fields: dict[str, str] | None = Field(default=None, description="What is wrong, by field.")

    @classmethod
    def of(cls, detail: str, code: str, request_id: str = "", fields: Mapping[str, str] | None = None) -> Failure:
        """A failure whose sentence stands under all of its names."""
        return cls(
            detail=detail,
            message=detail,
            error=detail,
            code=code,
            request_id=request_id,
            fields=dict(fields) if fields else None,
        )

    def to_json(self) -> str:
        """The body; `fields` only where there are some."""
        return json.dumps(self.model_dump(exclude_none=True))


def invalid(error: ValidationError) -> BadRequest:
    """Turn a validation error into a `BadRequest`. The refused values are not repeated, because they may be secrets."""
    fields: dict[str, str] = {}
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        fields.setdefault(".".join(map(str, problem["loc"])), _message(problem["type"], problem["msg"]))
    detail = "; ".join(f"{path}: {reason}" if path else _of_all(reason) for path, reason in list(fields.items())[:5])
    return BadRequest(detail, {path or "body": message for path, message in fields.items()})


def _of_all(message: str) -> str:
    """What is wrong with the body as a whole, as a sentence."""
    return f"The body {message}" if message.startswith("must ") else message[:1].upper() + message[1:]


def _message(kind: str, message: str) -> str:
    if kind in ("model_type", "dict_type", "model_attributes_type", "mapping_type"):
        return "must be a JSON object"
    return message.removeprefix("Value error, ")


def failure(
    status: int, detail: str, code: str, fields: Mapping[str, str] | None = None, retry_after: float | None = None
) -> Response:
    """Make the answer to a failed request."""
    trace = current_trace()
    body = Failure.of(detail, code, trace.request_id if trace else "", fields)
    response = Response(body.to_json(), status, mimetype="application/json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return response


def answered(work: Callable[[], Response]) -> Response:
    """The response of `work`, or the one for the exception that it raises. Works without a Flask application."""
    try:
        return work()
    except HubError as error:
        return _hub_error(error)
    except HTTPException as error:
        return _described(error)
    except Exception:
        log.exception("unexpected error")
        return _internal_error()


def install_errors(app: Flask) -> None:
    """Answer every exception with a `Failure`."""
    app.register_error_handler(HubError, _hub_error)
    # Both are needed: without the first, the second would turn a 405 into a 500.
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def install_vocabulary(blueprint: Blueprint, vocabulary: Vocabulary) -> None:
    """Use the dialect's names of fields and channels in errors of the blueprint's routes."""
    blueprint.register_error_handler(HubError, partial(_hub_error, vocabulary=vocabulary))


def _hub_error(error: HubError, vocabulary: Vocabulary = PLAIN) -> Response:
    if error.status == 500:
        return _unexpected(error)
    if error.status >= 500:
        log.warning("request failed: %s", error.detail, extra={"code": error.code})
    fields = vocabulary.fields(error.fields) if isinstance(error, BadRequest) else None
    return failure(error.status, vocabulary.sentence(error.parts), error.code, fields, _retry_after(error))


def _retry_after(error: HubError) -> float | None:
    if isinstance(error, (TooManyRequests, Overloaded, ProviderUnavailable)):
        return error.retry_after
    return 1 if isinstance(error, StoreError) and error.status == StoreError.status else None


_DETAILS = {404: "Resource not found", 405: "Method not allowed", 413: "The body is too large"}
_CODES = {413: "too_large", 500: "internal_error"}


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None:
        return error  # somebody chose the whole answer
    return _described(error)


def _described(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 401:
        return _hub_error(Unauthorized("Invalid or missing API key"))
    detail = _DETAILS.get(status) or error.description or error.name
    code = _CODES.get(status) or re.sub(r"\W+", "_", error.name.lower())
    response = failure(status, detail, code)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return _internal_error()


def _internal_error() -> Response:
    return failure(500, "Internal server error", HubError.code)
