"""What an AI agent may do to the systems of a business: how often its tools are called, and who is told where."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr

from functions.hub.main import blueprints
from functions.reply.main import consume
from shared.answering.runs import MAX_CALLS, MAX_CALLS_PER_HOUR
from shared.config import Settings
from shared.domain.accounts import Role
from shared.domain.events import Topic
from shared.errors import ProviderUnavailable
from shared.ports.store import Merge, Ref
from tests.apps import create_app
from tests.evolution import answered_shop, evolution_rules, upsert, written
from tests.functions.keys import key_for
from tests.index_check import recorded
from tests.pipeline.hub import telegram_rules
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply, Stub

CHAT, REFUND = "/v1/chat/completions", "/tools/refund"


@pytest.fixture
def ai_hub(settings: Settings, provider: Stub) -> Iterator[ManualHub]:
    """A hub with a language model, whose workers wait for the test."""
    telegram_rules(provider)
    keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test")})
    with recorded(keyed) as deps:
        hub = ManualHub(deps, create_app(deps, blueprints(), documented=False).test_client(), provider)
        hub.register()
        hub.headers = key_for(deps, hub.tenant_id, Role.OWNER)
        provider.on("POST", REFUND, Reply(json={"refunded": True}))
        yield hub
        assert hub.overlaps.all_happened


def _agent(hub: ManualHub, path: str = REFUND) -> str:
    return hub.echo_agent(tools=[{"name": "refund", "url": f"{hub.provider.url}{path}"}])


def _says(text: str) -> Reply:
    return Reply(json={"choices": [{"message": {"role": "assistant", "content": text}}]})


def _asks_for(*call_ids: str | None, arguments: str = '{"order": 7}', name: str = "refund") -> Reply:
    function = {"name": name, "arguments": arguments}
    calls = [{"id": call_id, "type": "function", "function": function} for call_id in call_ids]
    return Reply(json={"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": calls}}]})


def _is_first_question(request: Received) -> bool:
    return all(chat["role"] != "tool" for chat in request.json["messages"])


def _work_until_done(hub: ManualHub) -> int:
    """Let the workers try as often as they do by themselves; returns how often they failed."""
    for failures in count():
        try:
            hub.work()
        except ProviderUnavailable:
            continue
        return failures
    raise AssertionError


def test_hundreds_of_calls_in_one_answer_do_not_become_hundreds_of_requests(ai_hub: ManualHub) -> None:
    numbers = count()

    def model(request: Received) -> Reply:
        if "tools" not in request.json:
            return _says("Done.")
        return _asks_for(*(f"call-{next(numbers)}" for _ in range(400)))

    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    ai_hub.writes(ai_hub.telegram(), "refund me")
    ai_hub.work()
    assert len(ai_hub.provider.to(REFUND)) == MAX_CALLS
    assert ai_hub.sent_texts() == ["Done."]
    results = [chat["content"] for chat in ai_hub.provider.to(CHAT)[-1].json["messages"] if chat["role"] == "tool"]
    assert f"at most {MAX_CALLS} calls" in results[-1]
    assert len(json.dumps(results)) < 20_000


def test_one_customer_cannot_have_tools_called_without_end(ai_hub: ManualHub) -> None:
    numbers = count()

    def model(request: Received) -> Reply:
        if not _is_first_question(request):
            return _says("Done.")
        return _asks_for(*(f"call-{next(numbers)}" for _ in range(MAX_CALLS)))

    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    channel = ai_hub.telegram()
    answers = MAX_CALLS_PER_HOUR // MAX_CALLS + 2
    ai_hub.overlaps.clock.advance_to_next_hour()
    for number in range(answers):
        ai_hub.writes(channel, f"again {number}")
        ai_hub.work()
        ai_hub.overlaps.clock.advance(seconds=31)
    assert len(ai_hub.sent_texts()) == answers
    assert len(ai_hub.provider.to(REFUND)) == MAX_CALLS_PER_HOUR
    ai_hub.writes(channel, "and somebody else?", chat=6)
    ai_hub.work()
    assert len(ai_hub.provider.to(REFUND)) == MAX_CALLS_PER_HOUR + MAX_CALLS
    ai_hub.overlaps.clock.advance(hours=1)
    ai_hub.writes(channel, "an hour later")
    ai_hub.work()
    assert len(ai_hub.provider.to(REFUND)) == MAX_CALLS_PER_HOUR + 2 * MAX_CALLS


@pytest.mark.parametrize("fresh_ids", [False, True], ids=["same ids", "new ids"])
def test_a_model_that_fails_after_a_call_does_not_have_the_call_made_again(ai_hub: ManualHub, fresh_ids: bool) -> None:
    numbers = count()

    def model(request: Received) -> Reply:
        if _is_first_question(request):
            return _asks_for(f"call-{next(numbers)}" if fresh_ids else "call")
        return _says("You have it.") if len(ai_hub.provider.to(CHAT)) > 4 else Reply(500)

    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    ai_hub.writes(ai_hub.telegram(), "refund me")
    assert _work_until_done(ai_hub) == 3
    assert len(ai_hub.provider.to(REFUND)) == 1
    assert ai_hub.sent_texts() == ["You have it."]
    last = ai_hub.provider.to(CHAT)[-1].json["messages"]
    assert [chat["content"] for chat in last if chat["role"] == "tool"] == ['{"refunded": true}']
    assert ai_hub.documents("agent_runs") == []


def test_a_customer_who_writes_on_while_the_model_fails_does_not_have_the_call_made_again(ai_hub: ManualHub) -> None:
    numbers = count()

    def model(request: Received) -> Reply:
        if _is_first_question(request):
            return _asks_for(f"call-{next(numbers)}")
        return _says("You have it.") if "hello?" in str(request.json) else Reply(500)

    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    channel = ai_hub.telegram()
    ai_hub.writes(channel, "refund me")
    with pytest.raises(ProviderUnavailable):
        ai_hub.work()
    ai_hub.writes(channel, "hello?")
    ai_hub.work()
    assert len(ai_hub.provider.to(REFUND)) == 1
    assert ai_hub.sent_texts() == ["You have it."]


@pytest.mark.parametrize("moment", ["before the result is kept", "after the result was kept"])
def test_a_process_that_dies_at_a_call_does_not_have_it_made_again(ai_hub: ManualHub, moment: str) -> None:
    class Died(ProviderUnavailable):
        pass

    def die() -> None:
        raise Died("this process", "is gone")

    def refund(_: Received) -> Reply:
        store = ai_hub.overlaps.store
        (store.before_commit if moment.startswith("before") else store.after_commit)("agent_runs", die)
        return Reply(json={"refunded": True})

    def model(request: Received) -> Reply:
        results = [chat["content"] for chat in request.json["messages"] if chat["role"] == "tool"]
        return _says(results[0]) if results else _asks_for("call")

    ai_hub.provider.on("POST", REFUND, refund)
    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    ai_hub.writes(ai_hub.telegram(), "refund me")
    assert _work_until_done(ai_hub) == 1
    assert len(ai_hub.provider.to(REFUND)) == 1
    [text] = ai_hub.sent_texts()
    assert text.startswith("it is not known") if moment.startswith("before") else text == '{"refunded": true}'


def test_two_processes_at_one_answer_make_a_call_once(ai_hub: ManualHub) -> None:
    def model(request: Received) -> Reply:
        return _asks_for("call") if _is_first_question(request) else _says("Done.")

    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    ai_hub.writes(ai_hub.telegram(), "refund me")
    ai_hub.overlaps.store.before_commit("agent_runs", lambda: _again(ai_hub))
    _work_until_done(ai_hub)
    assert len(ai_hub.provider.to(REFUND)) == 1
    assert ai_hub.sent_texts() == ["Done."]


def test_a_person_who_takes_over_while_the_model_thinks_stops_its_calls(ai_hub: ManualHub) -> None:
    def model(_: Received) -> Reply:
        session = ai_hub.conversation().id
        ai_hub.patch(f"/api/conversations/{session}", {"assigneeId": ai_hub.get("/api/users")["users"][0]["id"]})
        return _asks_for("call")

    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    ai_hub.writes(ai_hub.telegram(), "refund me")
    assert _work_until_done(ai_hub) == 1
    assert ai_hub.provider.to(REFUND) == []
    assert ai_hub.sent_texts() == []


def _again(hub: ManualHub) -> None:
    """The reply event comes to a second process while the first one is at it."""
    [event] = [each.event for each in hub.overlaps.bus.published if each.topic is Topic.REPLIES]
    consume(hub.deps, event)  # type: ignore[arg-type]


def test_a_call_that_is_asked_for_twice_at_once_is_made_once(ai_hub: ManualHub) -> None:
    def model(request: Received) -> Reply:
        return _asks_for("call", "call", None, None) if _is_first_question(request) else _says("Done.")

    ai_hub.provider.on("POST", CHAT, model)
    _agent(ai_hub)
    ai_hub.writes(ai_hub.telegram(), "refund me")
    ai_hub.work()
    assert len(ai_hub.provider.to(REFUND)) == 3  # those without an id are told apart by their place


def _is_signed(request: Received, secret: str) -> bool:
    content = b".".join(
        [request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), request.body]
    )
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    return request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def _make_call(hub: ManualHub, channel: str) -> Received:
    hub.provider.on("POST", CHAT, lambda request: _asks_for("call") if _is_first_question(request) else _says("Done."))
    hub.writes(channel, "refund me")
    hub.work()
    hub.overlaps.clock.advance(seconds=31)
    return hub.provider.to(REFUND)[-1]


def test_a_tool_can_tell_that_the_hub_calls_and_when(ai_hub: ManualHub) -> None:
    agent, channel = _agent(ai_hub), ai_hub.telegram()
    secret = ai_hub.post(f"/api/agents/{agent}/tools/refund/secret", {}, 201)["secret"]
    first = _make_call(ai_hub, channel)
    assert _is_signed(first, secret)
    assert abs(int(first.headers["webhook-timestamp"]) - ai_hub.deps.now().timestamp()) < 60
    second = _make_call(ai_hub, channel)
    assert second.headers["webhook-id"] != first.headers["webhook-id"]
    renewed = ai_hub.post(f"/api/agents/{agent}/tools/refund/secret", {}, 201)["secret"]
    third = _make_call(ai_hub, channel)
    assert _is_signed(third, renewed)
    assert not _is_signed(third, secret)


def test_a_tools_secret_is_told_once_and_stored_sealed(ai_hub: ManualHub) -> None:
    agent = _agent(ai_hub)
    path = f"/api/agents/{agent}"
    secret = ai_hub.post(f"{path}/tools/refund/secret", {}, 201)["secret"]
    places = [ai_hub.get(path), ai_hub.documents("agents"), ai_hub.documents("tenants")]
    assert all(secret not in str(place) for place in places)
    assert secret.encode() not in (ai_hub.deps.settings.data_dir / "hub.db").read_bytes()
    ai_hub.post(f"{path}/tools/unknown/secret", {}, 404)
    ai_hub.post("/api/agents/unknown/tools/refund/secret", {}, 404)
    ai_hub.register("eve@example.com")
    ai_hub.post(f"{path}/tools/refund/secret", {}, 404)


def test_a_tools_secret_stays_until_the_tool_is_called_elsewhere(ai_hub: ManualHub) -> None:
    agent, channel = _agent(ai_hub), ai_hub.telegram()
    path = f"/api/agents/{agent}"
    secret = ai_hub.post(f"{path}/tools/refund/secret", {}, 201)["secret"]
    [tool] = ai_hub.get(path)["tools"]
    ai_hub.patch(path, {"tools": [tool | {"description": "Gives money back"}]})
    ai_hub.patch(path, {"name": "Ada"})
    assert _is_signed(_make_call(ai_hub, channel), secret)
    ai_hub.patch(path, {"tools": [tool | {"url": tool["url"].replace("127.0.0.1", "localhost")}]})
    assert not _is_signed(_make_call(ai_hub, channel), secret)


def test_a_change_of_an_agent_that_is_deleted_meanwhile_leaves_no_secret_behind(ai_hub: ManualHub) -> None:
    before = ai_hub.secret_names()
    path = f"/api/agents/{_agent(ai_hub)}"
    ai_hub.overlaps.store.before_commit("agents", lambda: ai_hub.client.delete(path, headers=ai_hub.headers))
    ai_hub.patch(path, {"tools": [{"name": "refund", "url": f"{ai_hub.provider.url}/elsewhere"}]}, 404)
    assert ai_hub.secret_names() - before == set()


def test_an_agent_from_before_calls_were_signed_still_calls(ai_hub: ManualHub) -> None:
    agent, channel = _agent(ai_hub), ai_hub.telegram()
    ai_hub.store.commit([Merge(Ref("tenants", ai_hub.tenant_id), {"responder": {"tools_secret": None}})])
    ai_hub.store.commit([Merge(Ref("agents", agent), {"tools_secret": None})])
    assert "webhook-signature" not in _make_call(ai_hub, channel).headers
    secret = ai_hub.post(f"/api/agents/{agent}/tools/refund/secret", {}, 201)["secret"]
    assert _is_signed(_make_call(ai_hub, channel), secret)


@pytest.mark.parametrize("role", list(Role))
def test_where_tools_are_is_told_to_admins_only(ai_hub: ManualHub, role: Role) -> None:
    agent = _agent(ai_hub)
    ai_hub.headers = key_for(ai_hub.deps, ai_hub.tenant_id, role)
    agents = [ai_hub.get(f"/api/agents/{agent}"), *ai_hub.get("/api/agents")["agents"]]
    urls = {tool["url"] for each in agents for tool in each["tools"]}
    assert urls == ({f"{ai_hub.provider.url}{REFUND}"} if role in (Role.OWNER, Role.ADMIN) else {None})


@pytest.mark.parametrize(
    "answer",
    [Reply(drop=True), Reply(500), Reply(302, headers={"location": "http://169.254.169.254/"})],
    ids=["no answer", "500", "redirect"],
)
def test_what_the_model_is_told_of_a_failure_names_no_address(ai_hub: ManualHub, answer: Reply) -> None:
    ai_hub.provider.on("POST", REFUND, answer)
    _agent(ai_hub)
    ai_hub.provider.on(
        "POST", CHAT, lambda request: _asks_for("call") if _is_first_question(request) else _says("Done.")
    )
    ai_hub.writes(ai_hub.telegram(), "refund me")
    ai_hub.work()
    assert len(ai_hub.provider.to(REFUND)) == 1
    [result] = [chat["content"] for chat in ai_hub.provider.to(CHAT)[-1].json["messages"] if chat["role"] == "tool"]
    assert "127.0.0.1" not in result
    assert REFUND not in result


def test_a_tool_whose_host_is_refused_is_named_to_nobody(ai_hub: ManualHub) -> None:
    agent = _agent(ai_hub)
    responder = ai_hub.documents("agents", id=agent)[0]
    tool = responder["tools"][0] | {"url": "http://metadata.google.internal/x"}
    ai_hub.store.commit([Merge(Ref("tenants", ai_hub.tenant_id), {"responder": {"tools": [tool]}})])
    ai_hub.provider.on(
        "POST", CHAT, lambda request: _asks_for("call") if _is_first_question(request) else _says("Done.")
    )
    ai_hub.writes(ai_hub.telegram(), "refund me")
    ai_hub.work()
    assert "metadata" not in str(ai_hub.provider.to(CHAT)[-1].json)


@pytest.mark.parametrize("arguments", ["[" * 10_000, "x" * 20_000, '{"n": NaN}', "\ud800", "\0"])
def test_odd_arguments_are_refused_and_the_customer_is_answered(ai_hub: ManualHub, arguments: str) -> None:
    _agent(ai_hub)
    ai_hub.provider.on(
        "POST",
        CHAT,
        lambda request: _asks_for("call", arguments=arguments) if _is_first_question(request) else _says("Done."),
    )
    ai_hub.writes(ai_hub.telegram(), "refund me")
    ai_hub.work()
    assert ai_hub.provider.to(REFUND) == []
    assert ai_hub.sent_texts() == ["Done."]


def test_a_team_that_fails_after_its_leads_call_does_not_have_it_made_again(ai_hub: ManualHub) -> None:
    def model(request: Received) -> Reply:
        if _is_first_question(request):
            return _asks_for("call")
        return _says("You have it.") if len(ai_hub.provider.to(CHAT)) > 3 else Reply(500)

    ai_hub.provider.on("POST", CHAT, model)
    lead = _agent(ai_hub)
    ai_hub.post("/api/teams", {"name": "Support", "leadAgentId": lead}, 201)
    ai_hub.writes(ai_hub.telegram(), "refund me")
    assert _work_until_done(ai_hub) == 2
    assert len(ai_hub.provider.to(REFUND)) == 1
    assert ai_hub.sent_texts() == ["You have it."]


@pytest.mark.parametrize("moment", ["before the answer is kept", "after the answer was kept"])
def test_a_team_that_dies_at_a_question_still_has_its_step(ai_hub: ManualHub, moment: str) -> None:
    class Died(ProviderUnavailable):
        pass

    def die() -> None:
        raise Died("this process", "is gone")

    deaths = iter([die])

    def model(request: Received) -> Reply:
        messages = request.json["messages"]
        if messages[0]["content"] == "You know.":
            store = ai_hub.overlaps.store
            for death in deaths:
                (store.before_commit if moment.startswith("before") else store.after_commit)("agent_runs", death)
            return _says("It left yesterday.")
        results = [chat["content"] for chat in messages if chat["role"] == "tool"]
        if results:
            return _says(results[0])
        [name] = [tool["function"]["name"] for tool in request.json["tools"] if "consult" in tool["function"]["name"]]
        return _asks_for("call", name=name, arguments='{"question": "Where is it?"}')

    ai_hub.provider.on("POST", CHAT, model)
    team = ai_hub.post("/api/teams", {"name": "Support", "leadAgentId": _agent(ai_hub)}, 201)["id"]
    expert = ai_hub.post("/api/agents", {"name": "Expert", "prompt": "You know."}, 201)["id"]
    ai_hub.post(f"/api/teams/{team}/members", {"agentId": expert, "expertise": "orders"}, 201)
    ai_hub.writes(ai_hub.telegram(), "where is it?")
    assert _work_until_done(ai_hub) == 1
    assert ai_hub.sent_texts() == ["It left yesterday."]
    [collaboration] = ai_hub.documents("collaborations")
    assert [step["answer"] for step in collaboration["steps"]] == ["It left yesterday."]


def test_an_external_agent_can_tell_that_it_is_asked_again(manual_hub: ManualHub) -> None:
    run = "/api/v1/agent/support/run"
    evolution_rules(manual_hub.provider)
    manual_hub.provider.on("POST", run, Reply(json={"message": "Hello"}))
    manual_hub.provider.on("POST", run, Reply(500), times=2)
    manual_hub.post("/api/v1/instances", answered_shop(manual_hub.provider.url), 201)
    for text in ("one", "two"):
        assert manual_hub.client.post("/webhook/evolution/shop", json=upsert(written(text))).status_code == 200
        _work_until_done(manual_hub)
    keys = [request.headers["idempotency-key"] for request in manual_hub.provider.to(run)]
    stored: list[Any] = [message.id for message in manual_hub.messages() if message.text in ("one", "two")]
    assert keys == [stored[0]] * 3 + [stored[1]]


def test_the_secrets_of_an_agents_tools_go_with_the_agent(ai_hub: ManualHub) -> None:
    agent = _agent(ai_hub)
    ai_hub.post(f"/api/agents/{agent}/tools/refund/secret", {}, 201)
    name = ai_hub.documents("agents", id=agent)[0]["tools_secret"]
    assert ai_hub.deps.secrets.read(name)
    assert ai_hub.client.delete(f"/api/agents/{agent}", headers=ai_hub.headers).json == {"ok": True}
    assert ai_hub.deps.secrets.read(name) == {}
