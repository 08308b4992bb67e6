"""Who may answer: people, AI personas, and external agent services."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


class AgentKind(StrEnum):
    HUMAN = "human"
    AI = "ai"
    EXTERNAL = "external"


class Tool(BaseModel):
    """An HTTP endpoint that an AI agent may call: `parameters` is a JSON schema of the arguments it is posted."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    url: str


class Agent(BaseModel):
    """Somebody or something that answers customers."""

    id: str
    tenant_id: str
    kind: AgentKind = AgentKind.AI
    name: str
    active: bool = True
    prompt: str = ""
    model: str | None = None
    temperature: float | None = None
    tools: list[Tool] = Field(default_factory=list)
    created_at: datetime
    updated_at: datetime
