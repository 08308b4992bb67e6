"""What the calls of an agent's tools are signed with: a secret for each tool, all of an agent's in one sealed secret.

Each change writes a secret under a new name, which the agent's document names: who reads the document never has the
secrets of another one's tools.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.deps import Deps
from shared.domain.agents import Agent, Tool
from shared.domain.ids import new_id
from shared.security.origins import origin
from shared.security.webhook_signing import new_signing_secret


def new_name(agent_id: str) -> str:
    return f"agent-{agent_id}-{new_id()}"


def write(deps: Deps, name: str, former: Agent | None, tools: Iterable[Tool], renewed: str | None = None) -> None:
    """Write a secret for each tool.

    A tool of the same name keeps its own unless it is `renewed` or is called at another server now, which could
    otherwise be handed what was signed for the former one.
    """
    former_secrets = deps.secrets.read(former.tools_secret) if former and former.tools_secret else {}
    former_urls = {tool.name: tool.url for tool in former.tools} if former else {}
    unchanged = {
        tool.name: former_secrets[tool.name]
        for tool in tools
        if tool.name in former_secrets and tool.name != renewed and origin(former_urls[tool.name]) == origin(tool.url)
    }
    deps.secrets.write(name, {tool.name: unchanged.get(tool.name) or new_signing_secret() for tool in tools})
