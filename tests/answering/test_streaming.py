"""What a language model writes bit by bit, put together again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.answering.streaming import StreamedAnswer


def _line(event: Any) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


def _delta(**delta: Any) -> bytes:
    return _line({"choices": [{"delta": delta}]})


END = b"data: [DONE]\n\n"


def _streamed(*chunks: bytes) -> tuple[dict[str, Any] | None, list[str]]:
    texts: list[str] = []
    streamed = StreamedAnswer(texts.append)
    for chunk in chunks:
        streamed.feed(chunk)
    return streamed.body(), texts


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_may_be_cut_anywhere(size: int) -> None:
    usage = {"total_tokens": 9}
    whole = _delta(role="assistant") + _delta(content="Grüße") + _delta(content=", Ann")
    whole += _line({"choices": [], "usage": usage}) + END
    body, texts = _streamed(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert body == {"choices": [{"message": {"role": "assistant", "content": "Grüße, Ann"}}], "usage": usage}
    assert texts[-1] == "Grüße, Ann"


def test_the_pieces_of_calls_are_put_together() -> None:
    first = {"index": 0, "id": "c1", "function": {"name": "look", "arguments": '{"a"'}}
    second = {"index": 1, "id": "c2", "function": {"name": "find", "arguments": "{}"}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    body, texts = _streamed(_delta(tool_calls=[first, second]), _delta(tool_calls=[rest]), END)
    assert body is not None
    calls = body["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("c1", {"name": "look", "arguments": '{"a": 1}'}),
        ("c2", {"name": "find", "arguments": "{}"}),
    ]
    assert texts == []


@pytest.mark.parametrize(
    "chunks",
    [[_delta(content="It left")], [b'{"choices": [{"message": {"content": "whole"}}]}'], [b"data: [\n", b"data: 5\n"]],
)
def test_what_breaks_off_or_is_no_stream_has_no_body(chunks: list[bytes]) -> None:
    assert _streamed(*chunks)[0] is None


def test_a_reason_to_finish_is_an_end_too() -> None:
    ending = _line({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    assert _streamed(_delta(content="yes"), ending)[0] is not None
