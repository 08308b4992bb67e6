"""Models that write themselves: what the OpenAPI document says of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class DescribedByFields(BaseModel):
    """A model whose serializer only leaves fields out: its schema has all of them.

    Of a serializer pydantic describes what it returns, here any object, and clients that are generated would have no
    field at all.
    """

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        plain: Any = {name: value for name, value in core_schema.items() if name != "serialization"}
        return handler(plain)
