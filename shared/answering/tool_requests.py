"""Calling the endpoint of an agent's tool."""

from __future__ import annotations

import json
import logging
from typing import Any

from shared.answering.turns import Turn
from shared.deps import Deps
from shared.domain.agents import Agent, Tool
from shared.errors import HubError, OutcomeUnknown, ProviderError, ProviderUnavailable
from shared.outgoing import Answer
from shared.security.webhook_signing import signed_headers

log = logging.getLogger(__name__)

_TIMEOUT = 15.0
_LONGEST_ARGUMENTS = 16_000
_LONGEST_ANSWER = 8_000


def request_tool(deps: Deps, agent: Agent, tool: Tool, turn: Turn, arguments: object, call_id: str) -> str:
    """Call the tool's endpoint and return what the model is told about it; what went wrong is no more than that.

    `call_id` is the same whenever the same call is made: the endpoint may know by it that it was done already.
    """
    if isinstance(arguments, str) and len(arguments) > _LONGEST_ARGUMENTS:
        return f"not called: the arguments have more than {_LONGEST_ARGUMENTS} characters"
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return "the arguments were not JSON"
    payload = {
        "arguments": parsed,
        "conversation_id": turn.conversation.id,
        "customer_id": turn.conversation.customer_id,
    }
    try:
        answer = _post(deps, agent, tool, payload, call_id)
    except (HubError, ValueError, RecursionError) as error:
        log.warning("a tool failed", extra={"tool": tool.name, "why": str(error)})
        return _failure(error)
    return answer.text[:_LONGEST_ANSWER] if answer.ok else f"the tool answered with status {answer.status}"


def _post(deps: Deps, agent: Agent, tool: Tool, payload: dict[str, Any], call_id: str) -> Answer:
    body = json.dumps(payload, allow_nan=False).encode()
    headers = {"content-type": "application/json"}
    if agent.tools_secret is None:  # an agent from before calls were signed, until its tools are saved again
        headers |= {"webhook-id": call_id, "webhook-timestamp": str(int(deps.now().timestamp()))}
    else:
        secret = deps.secrets.read(agent.tools_secret).get(tool.name)
        if secret is None:
            raise ProviderUnavailable(f"tool {tool.name}", "its signing secret is being replaced")
        headers |= signed_headers([secret], call_id, body.decode(), deps.now())
    return deps.http.request(
        "POST", tool.url, provider=f"tool {tool.name}", json=body, headers=headers, timeout=_TIMEOUT
    )


def _failure(error: Exception) -> str:
    """What the model is told, and perhaps tells the customer: it names no address of the business."""
    if isinstance(error, OutcomeUnknown):
        return f"it is not known whether this was done ({error.reason}): do not try it again"
    return f"the tool failed: {error.reason if isinstance(error, ProviderError) else 'it cannot be called'}"
