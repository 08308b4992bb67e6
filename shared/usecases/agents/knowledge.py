"""Files that an AI agent may rely on: texts that are shown to the model with the agent's prompt."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain import storable
from shared.domain.agents import Agent, KnowledgeFile, KnowledgeText
from shared.domain.ids import new_id
from shared.errors import BadRequest, Collision, NotFound
from shared.usecases.accounts import tenants
from shared.usecases.agents.agents import choose_responder

MOST_FILES = 20
"""Of one agent."""

LARGEST = 200 * 1024
"""Bytes of one file."""

MOST_CHARACTERS = 60_000
"""Of all of an agent's files together that the model is shown; more would cost each answer more than it is worth."""


def add(deps: Deps, tenant_id: str, agent_id: str, name: str, content: bytes) -> KnowledgeFile:
    """Give an agent a file. Raises `NotFound`, `BadRequest` for what is no text, `Collision` for one too many."""
    text = _text(content)
    file = KnowledgeFile(id=new_id(), name=name, size=len(content), created_at=deps.now())

    def attempt(unit: UnitOfWork) -> None:
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        agent = unit.agents.owned(tenant_id, agent_id)
        if len(agent.knowledge) >= MOST_FILES:
            raise Collision(f"an agent can have at most {MOST_FILES} files: delete one of them first")
        agent.knowledge, agent.updated_at = [*agent.knowledge, file], deps.now()
        unit.knowledge_texts.add(KnowledgeText(id=file.id, tenant_id=tenant_id, text=text))
        choose_responder(unit, tenant, agent)

    run_with_retry(deps, attempt)
    return file


def remove(deps: Deps, tenant_id: str, agent_id: str, file_id: str) -> None:
    """Take a file away from an agent; raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> None:
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        agent = unit.agents.owned(tenant_id, agent_id)
        left = [file for file in agent.knowledge if file.id != file_id]
        if len(left) == len(agent.knowledge):
            raise NotFound("There is no such file")
        agent.knowledge, agent.updated_at = left, deps.now()
        unit.knowledge_texts.remove(file_id)
        choose_responder(unit, tenant, agent)

    run_with_retry(deps, attempt)


def for_model(deps: Deps, agent: Agent) -> str:
    """What an agent's files say, as its model is told it; empty without files."""
    texts = UnitOfWork(deps.store).knowledge_texts.owned_many(agent.tenant_id, [file.id for file in agent.knowledge])
    by_id = {text.id: text.text for text in texts}
    parts = [f"# {file.name}\n{by_id[file.id]}" for file in agent.knowledge if file.id in by_id]
    return "\n\n".join(["What you know from files:", *parts])[:MOST_CHARACTERS] if parts else ""


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise BadRequest.of_field("file", f"has more than {LARGEST // 1024} kB")
    try:
        text = content.decode("utf-8-sig")
        storable.check_text(text)
    except ValueError:
        raise BadRequest.of_field("file", "must be text in UTF-8") from None
    if not text.strip():
        raise BadRequest.of_field("file", "is empty")
    return text
