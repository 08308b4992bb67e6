"""A conversation is given to somebody whom there is: what nobody answers for would silence the agents for ever."""

from __future__ import annotations

from typing import Any

import pytest

from functions.hub.main import blueprints
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role, User
from shared.domain.conversations import Owner
from shared.errors import BadRequest
from shared.ports.store import Merge
from shared.usecases.conversations import assignees
from tests import refs
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    manual_hub.patch("/api/settings", {"externalAgents": False})
    return manual_hub


@pytest.fixture
def session(hub: ManualHub) -> str:
    hub.writes(hub.telegram(), "hello")
    return hub.conversation().id


def _somebody(hub: ManualHub) -> dict[str, str]:
    """One of each kind, by id."""
    return {
        "user": hub.get("/api/users")["users"][0]["id"],
        "agent": hub.echo_agent(kind="human", name="Ann"),
        "team": hub.post("/api/teams", {"name": "Support"}, 201)["id"],
    }


def _give(hub: ManualHub, session: str, assignee: Any, status: int) -> list[Any]:
    """By every door at which somebody is named; what it answers."""
    doors = [
        hub.client.patch(f"/api/conversations/{session}", json={"assigneeId": assignee}, headers=hub.headers),
        hub.client.put(f"/sessions/{session}", json={"agent_id": assignee}, headers=hub.headers),
        hub.client.post(
            f"/sessions/{session}/transfer",
            json={"from_channel": "telegram_bot", "to_channel": "whatsapp", "agent_id": assignee},
            headers=hub.headers,
        ),
    ]
    # The customer has no telephone, which is found out after the assignee.
    assert [answer.status_code for answer in doors] == [status, status, 422 if status == 200 else status]
    return [answer.json for answer in doors]


@pytest.mark.parametrize("kind", ["user", "agent", "team"])
def test_a_conversation_is_given_to_a_user_an_agent_or_a_team(hub: ManualHub, session: str, kind: str) -> None:
    _give(hub, session, _somebody(hub)[kind], 200)
    assert hub.of(session).assignee_id is not None


@pytest.mark.parametrize("nobody", ["ann", "Ann", "x" * 64, "a/b", "..", "__x__"])
def test_nobody_is_refused_with_those_whom_there_are(hub: ManualHub, session: str, nobody: str) -> None:
    somebody = _somebody(hub)
    omnichat, dashboard, transfer = _give(hub, session, nobody, 400)
    assert list(omnichat["fields"]) == ["assigneeId"]
    assert list(dashboard["fields"]) == list(transfer["fields"]) == ["agent_id"]
    for refusal in (omnichat, dashboard, transfer):
        assert all(id_ in refusal["detail"] for id_ in somebody.values())
        assert "Support" in refusal["detail"]
        assert "owner@example.com" not in refusal["detail"]
    assert hub.of(session).assignee_id is None


def _person(hub: ManualHub, role: Role) -> str:
    """A new user of the tenant, by id."""
    now, email = hub.deps.now(), "eve@example.com"
    unit = UnitOfWork(hub.deps.store)
    unit.users.add(User(id="eve", tenant_id=hub.tenant_id, email=email, role=role, password_hash="", created_at=now))
    unit.commit()
    return "eve"


@pytest.mark.parametrize("has_external_agents", [False, True])
def test_a_viewer_who_cannot_answer_is_given_nothing(hub: ManualHub, session: str, has_external_agents: bool) -> None:
    viewer = _person(hub, Role.VIEWER)
    hub.patch("/api/settings", {"externalAgents": has_external_agents})
    for refusal in _give(hub, session, viewer, 400):
        assert "is a viewer, who cannot answer" in refusal["detail"]
        assert f"{viewer} (" not in refusal["detail"]
    bulk = {"ids": [session], "assigneeId": viewer}
    [result] = hub.post("/api/inbox/bulk", bulk, 200)["results"]
    assert "is a viewer" in str(result)
    assert "is a viewer" in hub.post(f"/api/conversations/{session}/offer", {"assigneeId": viewer}, 400)["detail"]
    rule = {"condition": "channel=sms", "action": f"assign_to_agent:{viewer}"}
    assert "is a viewer" in hub.post("/routing/rules", rule, 400)["detail"]
    assert hub.of(session).assignee_id is None


@pytest.mark.parametrize("leaves", ["looks on", "is removed"])
def test_a_rule_gives_nothing_to_who_cannot_answer_any_more(hub: ManualHub, leaves: str) -> None:
    bot, person = hub.telegram(), _person(hub, Role.AGENT)
    hub.post("/routing/rules", {"condition": "channel=telegram_bot", "action": f"assign_to_agent:{person}"}, 201)
    if leaves == "looks on":
        hub.patch(f"/api/users/{person}", {"role": "viewer"})
    else:
        hub.client.delete(f"/api/users/{person}", headers=hub.headers)
    hub.writes(bot, "hello")
    conversation = hub.conversation()
    assert (conversation.assignee_id, conversation.owner) == (None, Owner.BOT)


def test_somebody_of_another_tenant_is_nobody(hub: ManualHub, session: str) -> None:
    former_headers, former_tenant = hub.headers, hub.tenant_id
    hub.register("eve@example.com")
    strangers = _somebody(hub)
    hub.headers, hub.tenant_id = former_headers, former_tenant
    for stranger in strangers.values():
        refusals = _give(hub, session, stranger, 400)
        assert all(id_ not in str(refusals).replace(stranger, "") for id_ in strangers.values())


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_a_conversation_can_be_taken_from_everybody(hub: ManualHub, session: str, empty: str | None) -> None:
    hub.patch(f"/api/conversations/{session}", {"assigneeId": _somebody(hub)["user"]})
    assert hub.patch(f"/api/conversations/{session}", {"assigneeId": empty})["assigneeId"] is None


def test_whoever_has_a_conversation_keeps_it_in_changes_that_repeat_them(hub: ManualHub, session: str) -> None:
    """Conversations from before may have been given to anybody."""
    hub.store.commit([Merge(refs.conversation(session), {"assignee_id": "ann"})])
    changed = hub.put(f"/sessions/{session}", {"agent_id": "ann", "priority": "high"})
    assert (changed["agent_id"], changed["priority"]) == ("ann", "high")
    hub.put(f"/sessions/{session}", {"agent_id": "bob"}, 400)


def test_a_routing_rule_gives_conversations_to_somebody_whom_there_is(hub: ManualHub) -> None:
    somebody = _somebody(hub)["agent"]
    rule = {"condition": "channel=telegram_bot", "action": f"add_tag:new; assign_to_agent:{somebody}"}
    rule_id = hub.post("/routing/rules", rule, 201)["id"]
    refused = hub.post("/routing/rules", rule | {"action": "assign_to_agent:nobody"}, 400)
    assert somebody in refused["detail"]
    hub.put(f"/routing/rules/{rule_id}", {"action": "assign_to_agent:nobody"}, 400)
    hub.put(f"/routing/rules/{rule_id}", {"active": False})


def test_a_tenant_may_allow_the_ids_of_another_system(hub: ManualHub, session: str) -> None:
    assert hub.patch("/api/settings", {"externalAgents": True})["externalAgents"] is True
    _give(hub, session, "agent_789", 200)
    hub.post("/routing/rules", {"condition": "channel=sms", "action": "assign_to_agent:agent_789"}, 201)
    hub.patch("/api/settings", {"externalAgents": None})
    assert hub.get("/api/settings")["externalAgents"] is True
    for role in (Role.AGENT, Role.VIEWER):
        hub.headers = key_for(hub.deps, hub.tenant_id, role)
        hub.patch("/api/settings", {"externalAgents": False}, 403)
        assert hub.get("/api/settings")["externalAgents"] is True


def test_a_new_tenant_does_not_allow_them_and_allows_them_for_nobody_else(deps: Deps) -> None:
    client = create_app(deps, blueprints(), documented=False).test_client()
    first, second = key_for(deps, "ours"), key_for(deps, "theirs")

    def allows(headers: dict[str, str]) -> bool:
        settings: dict[str, Any] = client.get("/api/settings", headers=headers).get_json()
        return bool(settings["externalAgents"])

    assert not allows(first)
    assert client.patch("/api/settings", json={"externalAgents": True}, headers=first).status_code == 200
    assert not allows(second)


def test_where_there_is_nobody_yet_the_error_says_so(deps: Deps) -> None:
    with pytest.raises(BadRequest, match="is no user, agent or team of yours; there is none yet"):
        assignees.check(UnitOfWork(deps.store), "new tenant", "ann")
