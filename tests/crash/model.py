"""A slow language model, and the team of agents that it answers for."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.crash.driver import PATIENCE, Driver
from tests.eventually import eventually
from tests.stubs import Received, Reply, Stub

REQUESTS_PER_ANSWER = 3
"""What the customer wrote, the question to the colleague, and the results of both calls."""

_LEAD = "You lead."


class Model:
    """Plays an OpenAI; each of its answers takes up to `slowest` seconds.

    Before its lead answers a customer it calls a tool and consults its colleague.
    """

    def __init__(self, provider: Stub, seed: int, slowest: float) -> None:
        self.questions: Counter[str] = Counter()
        """How often the lead agent received each text of a customer."""
        self.thinking = 0
        self.requests = 0
        """How often it was asked at all; `REQUESTS_PER_ANSWER` where nothing goes wrong."""
        self._url = provider.url
        self._random = random.Random(seed)
        self._slowest = slowest
        self._lock = threading.Lock()
        self._may_answer = threading.Event()
        self._may_answer.set()
        provider.on("POST", "/v1/chat/completions", self._complete)
        provider.on("POST", "/orders$", Reply(text="on its way"))

    def makes_its_team(self, hub: Driver) -> None:
        """The tenant's first agent leads it, so that it answers every customer."""
        asks = {"type": "object", "properties": {"question": {"type": "string"}}}
        orders = {"name": "orders", "description": "Where it is.", "url": f"{self._url}/orders", "parameters": asks}
        lead = hub.post("/api/agents", {"name": "Lead", "prompt": _LEAD, "tools": [orders]}, 201)["id"]
        team = hub.post("/api/teams", {"name": "Support", "leadAgentId": lead}, 201)["id"]
        expert = hub.post("/api/agents", {"name": "Expert", "prompt": "You know."}, 201)["id"]
        hub.post(f"/api/teams/{team}/members", {"agentId": expert, "expertise": "orders"}, 201)

    def wait_for(self, customers: int) -> None:
        """Wait until the model has received the texts of that many customers."""
        eventually(lambda: len(self.questions) >= customers, PATIENCE)

    @contextmanager
    def absorbed(self) -> Iterator[None]:
        """The model answers nothing while this is open."""
        self._may_answer.clear()
        try:
            yield
        finally:
            self._may_answer.set()

    def _complete(self, request: Received) -> Reply:
        with self._lock:
            self.thinking += 1
            self.requests += 1
            delay = self._random.uniform(0, self._slowest)
        try:
            time.sleep(delay)
            self._may_answer.wait(PATIENCE)
            return _says(self._thought(request.json))
        finally:
            with self._lock:
                self.thinking -= 1

    def _thought(self, request: Any) -> dict[str, Any]:
        messages = request["messages"]
        if messages[0]["content"] != _LEAD:
            return {"content": "It left yesterday."}
        tool_results = [message["content"] for message in messages if message["role"] == "tool"]
        [text] = [message["content"] for message in messages if message["role"] == "user"]
        if tool_results:
            return {"content": f"{text}: {' '.join(tool_results)}"}
        with self._lock:
            self.questions[text] += 1
        names = {tool["function"]["name"] for tool in request["tools"]} - {"hand_over"}
        return {"content": None, "tool_calls": [_call(name) for name in sorted(names)]}


def _call(name: str) -> dict[str, Any]:
    arguments = json.dumps({"question": "Where is it?"})
    return {"id": f"call-{name}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _says(thought: dict[str, Any]) -> Reply:
    message = {"role": "assistant"} | thought
    return Reply(json={"choices": [{"message": message}], "usage": {"total_tokens": 10}})
