"""Changing several conversations at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.errors import HubError
from shared.usecases.conversations import conversations
from shared.usecases.conversations.conversations import Changes, Decider

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Result:
    """The conversation as it is now, or the error for which it stays as it was."""

    conversation_id: str
    conversation: Conversation | None = None
    error: HubError | None = None


def change(
    deps: Deps, tenant_id: str, conversation_ids: Sequence[str], changes: Changes, decider: Decider
) -> list[Result]:
    """Change each conversation as `conversations.update` does; one that cannot be changed does not keep the others."""
    return [_changed(deps, tenant_id, each, changes, decider) for each in dict.fromkeys(conversation_ids)]


def _changed(deps: Deps, tenant_id: str, conversation_id: str, changes: Changes, decider: Decider) -> Result:
    try:
        conversation = conversations.update(deps, tenant_id, conversation_id, changes, decider)
    except HubError as error:
        return Result(conversation_id, error=error)
    return Result(conversation_id, conversation)
