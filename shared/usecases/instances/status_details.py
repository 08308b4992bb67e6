"""From what channels and providers say of an instance to what is stored with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from shared.domain.instances import Instance
from shared.domain.status_details import ConfigField, DetailCode, StatusDetail
from shared.usecases.instances.instance_config import model_of

_SNAKE_CASE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")


def reported(instance: Instance, sentence: str | None) -> StatusDetail | None:
    """A channel's sentence, in which the fields of its configuration are told from the other words."""
    if not sentence:
        return None
    model = model_of(instance.adapter)
    return StatusDetail(
        code=DetailCode.REPORTED, parts=list(_parts(sentence, model.model_fields if model is not None else ()))
    )


def _parts(sentence: str, fields: Collection[str]) -> Iterator[str | ConfigField]:
    start = 0
    for name in _SNAKE_CASE.finditer(sentence):
        if name[0] in fields:
            if sentence[start : name.start()]:
                yield sentence[start : name.start()]
            yield ConfigField(field=name[0])
            start = name.end()
    if sentence[start:]:
        yield sentence[start:]
