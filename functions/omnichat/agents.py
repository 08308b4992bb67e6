"""Who may answer customers."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.models import Tag

from functions.omnichat.schemas import (
    AgentIn,
    AgentOut,
    AgentPatch,
    AgentPath,
    AgentsOut,
    AgentsQuery,
    Done,
    KnowledgeFileOut,
    KnowledgeFilesOut,
    KnowledgeIn,
    KnowledgePath,
    ToolPath,
    ToolSecretOut,
    TrialIn,
    TrialOut,
    WrittenAgentOut,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.domain.agents import Agent
from shared.errors import BadRequest
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer, check_text
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.agents import agents, knowledge, trial

api = APIBlueprint(
    "omnichat_agents", __name__, vocabulary=VOCABULARY, url_prefix="/api/agents", abp_tags=[Tag(name="OmniChat agents")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.post("", responses={201: WrittenAgentOut})
def create(body: AgentIn) -> Response:
    """Add an agent; the oldest active AI agent answers by itself."""
    require(Role.ADMIN)
    created = agents.create_agent(deps(), caller().tenant_id, body.to_domain())
    return answer(WrittenAgentOut.written(_visible(created)), 201)


@api.get("", responses={200: AgentsOut})
def index(query: AgentsQuery) -> Response:
    """List agents, oldest first."""
    page, cursor = agents.list_agents(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(AgentsOut(agents=[_visible(agent) for agent in page], next_cursor=cursor))


@api.get("/<id>", responses={200: AgentOut})
def show(path: AgentPath) -> Response:
    """Read an agent."""
    return answer(_visible(agents.get_agent(deps(), caller().tenant_id, path.id)))


@api.patch("/<id>", responses={200: WrittenAgentOut})
def change(path: AgentPath, body: AgentPatch) -> Response:
    """Change what is given."""
    require(Role.ADMIN)
    changed = agents.change_agent(deps(), caller().tenant_id, path.id, body.changes())
    return answer(WrittenAgentOut.written(_visible(changed)))


@api.delete("/<id>", responses={200: Done})
def delete(path: AgentPath) -> Response:
    """Take an agent away."""
    require(Role.ADMIN)
    agents.delete_agent(deps(), caller().tenant_id, path.id)
    return answer(Done())


@api.post("/<id>/try", responses={200: TrialOut, 422: Failure, 502: Failure, 503: Failure})
def try_out(path: AgentPath, body: TrialIn) -> Response:
    """Chat with an AI agent without a customer: nothing is kept, no tool is called; the tenant's budget pays."""
    require(Role.ADMIN)
    return answer(TrialOut.of(trial.try_agent(deps(), caller().tenant_id, path.id, body.lines())))


@api.post("/<id>/tools/<name>/secret", responses={201: ToolSecretOut})
def renew_tool_secret(path: ToolPath) -> Response:
    """Sign a tool's calls with a new secret, which this answer alone holds."""
    require(Role.ADMIN)
    secret = agents.renew_tool_secret(deps(), caller().tenant_id, path.id, path.name)
    return answer(ToolSecretOut(secret=secret), 201)


@api.get("/<id>/knowledge/files", responses={200: KnowledgeFilesOut})
def list_knowledge(path: AgentPath) -> Response:
    """List the files that an agent may rely on, as a bare array."""
    files = agents.get_agent(deps(), caller().tenant_id, path.id).knowledge
    return answer(KnowledgeFilesOut([KnowledgeFileOut.of(file) for file in files]))


@api.post("/<id>/knowledge/files", responses={201: KnowledgeFileOut, 409: Failure})
def add_knowledge(path: AgentPath, form: KnowledgeIn) -> Response:
    """Give an agent a text that it may rely on."""
    require(Role.ADMIN)
    # A part of the form that has no file's name is no file, whatever it holds.
    upload = request.files.get("file")
    if upload is None:
        raise BadRequest.of_field("file", "is missing", "No file uploaded")
    name = (upload.filename or "file")[:255]
    check_text(name)
    file = knowledge.add(deps(), caller().tenant_id, path.id, name, upload.read())
    return answer(KnowledgeFileOut.of(file), 201)


@api.delete("/<id>/knowledge/files/<file_id>", responses={200: Done})
def remove_knowledge(path: KnowledgePath) -> Response:
    """Take a file away from an agent."""
    require(Role.ADMIN)
    knowledge.remove(deps(), caller().tenant_id, path.id, path.file_id)
    return answer(Done())


def _visible(agent: Agent) -> AgentOut:
    return AgentOut.of(agent, caller().role)
