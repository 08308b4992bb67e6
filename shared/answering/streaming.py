"""An answer of a language model while it is being written: server-sent events with pieces of it.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

Listen: TypeAlias = Callable[[str], None]
"""Gets all of the text that the model has written so far."""

_DATA, _DONE = b"data:", b"[DONE]"


class StreamedAnswer:
    """Puts the pieces together to the body that the service gives without streaming, and tells `listen` of each."""

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._rest = b""
        self._text = ""
        self._calls: dict[int, dict[str, Any]] = {}
        self._usage: object = None
        self._is_whole = False

    def feed(self, chunk: bytes) -> None:
        """Take in what came; an event may be cut anywhere."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        before = len(self._text)
        for line in lines:
            if line.startswith(_DATA):
                self._take(line.removeprefix(_DATA).strip())
        if len(self._text) > before and not self._calls:
            self._listen(self._text)

    def _take(self, data: bytes) -> None:
        if data == _DONE:
            self._is_whole = True
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        self._usage = event.get("usage") or self._usage
        choices = event.get("choices")
        first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        self._is_whole = self._is_whole or bool(first.get("finish_reason"))
        delta = first.get("delta")
        if isinstance(delta, dict):
            content, calls = delta.get("content"), delta.get("tool_calls")
            self._text += content if isinstance(content, str) else ""
            for call in calls if isinstance(calls, list) else ():
                if isinstance(call, dict):
                    self._take_call(call)

    def _take_call(self, piece: dict[str, Any]) -> None:
        """The first piece of a call has its id and name, the others bring more of its arguments."""
        number = piece.get("index")
        call = self._calls.setdefault(number if isinstance(number, int) else len(self._calls), {"type": "function"})
        if isinstance(piece.get("id"), str):
            call["id"] = piece["id"]
        function, more = call.setdefault("function", {"name": "", "arguments": ""}), piece.get("function")
        for name in function:
            value = more.get(name) if isinstance(more, dict) else None
            function[name] += value if isinstance(value, str) else ""

    def body(self) -> dict[str, Any] | None:
        """The whole; None where the service did not stream, or broke off."""
        if not self._is_whole:
            return None
        message: dict[str, Any] = {"role": "assistant", "content": self._text}
        if self._calls:
            message["tool_calls"] = [self._calls[number] for number in sorted(self._calls)]
        return {"choices": [{"message": message}], "usage": self._usage}
