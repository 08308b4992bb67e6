"""What can be sent at all."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.kinds import MessageKind
from shared.domain.messages import Attachment, Author
from shared.domain.outbox import ReactionTo, Template
from shared.errors import BadRequest
from shared.usecases.outbox.enqueueing import Draft


def _draft(**fields: Any) -> Draft:
    return Draft("m1", Author.HUMAN, **fields)


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_there_has_to_be_something_to_send(text: str | None) -> None:
    with pytest.raises(BadRequest, match="nothing to send"):
        _draft(text=text).check()


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "hello"},
        {"attachments": [Attachment(type=MessageKind.IMAGE, url="https://a.example")]},
        {"reaction": ReactionTo(external_message_id="m0", emoji="+1")},
        {"template": Template(name="welcome", language="en")},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_each_kind_of_content_is_enough(fields: dict[str, Any]) -> None:
    _draft(**fields).check()
