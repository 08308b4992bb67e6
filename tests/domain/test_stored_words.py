"""What it means when a document, or an event, lacks a field; and the words that both are written in.

Who wrote documents before has been promised both: see `CONTRIBUTING.md`. The recording lies in `golden`; after a change
that is meant, read the difference of the file that the failing test has written, and rename it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.domain.ids import new_id

DOMAIN = Path("shared/domain")
RECORDING = Path(__file__).parent / "golden" / "stored_words.json"


def _classes(is_meant: Callable[[type], bool]) -> Iterator[Any]:
    """The domain's classes of a kind, in the order of their modules and names."""
    for path in sorted(DOMAIN.glob("*.py")):
        module = import_module(f"shared.domain.{path.stem}")
        for _, value in sorted(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__ and is_meant(value):
                yield value


def _is_model(value: type) -> bool:
    return issubclass(value, BaseModel)


def _is_enumeration(value: type) -> bool:
    return issubclass(value, Enum)


def _of_model(model: type[BaseModel]) -> dict[str, Any]:
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    return {
        name: "a new id" if field.default_factory is new_id else field.get_default(call_default_factory=True)
        for name, field in fields.items()
    }


def _of_dataclass(value: type[Any]) -> dict[str, Any]:
    defaults = {field.name: field.default for field in dataclasses.fields(value)}
    factories = {field.name: field.default_factory for field in dataclasses.fields(value)}
    new_values = {name: factory() for name, factory in factories.items() if factory is not dataclasses.MISSING}
    return {
        name: new_values.get(name, default)
        for name, default in defaults.items()
        if default is not dataclasses.MISSING or name in new_values
    }


def _name(value: type) -> str:
    return f"{value.__module__.rpartition('.')[2]}.{value.__name__}"


def _form(value: object) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def test_documents_and_events_keep_their_meaning() -> None:
    recorded_forms = {
        "fields of models": {_name(each): _of_model(each) for each in _classes(_is_model)},
        "fields of values": {_name(each): _of_dataclass(each) for each in _classes(dataclasses.is_dataclass)},
        "words": {_name(each): [member.value for member in each] for each in _classes(_is_enumeration)},
    }
    text = json.dumps(recorded_forms, indent=1, default=_form) + "\n"
    if not RECORDING.exists() or RECORDING.read_text("utf-8") != text:
        RECORDING.with_suffix(".new.json").write_text(text, "utf-8")
    assert text == RECORDING.read_text("utf-8")
