"""SIGKILL between any two steps of what must happen once: handing over, confirming STOP, answering after a cooldown."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.domain.conversations import Owner
from shared.domain.messages import Direction
from shared.ports.store import Merge
from tests import refs
from tests.crash.stepping import killed_at_each_step
from tests.eventually import eventually
from tests.index_check import recorded
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.pipeline.models import CHAT
from tests.pipeline.test_opt_outs import STOPPED
from tests.stubs import Reply, Stub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FEWEST_STEPS = 6
"""A message's way has more steps than these, so that a test which sees fewer has killed nobody."""


def _ends(
    settings: Settings,
    provider: Stub,
    directory: Path,
    prepare: Callable[[Hub], str],
    *texts: str,
    before_each: Callable[[Hub], object] = lambda hub: None,
) -> Iterator[tuple[str, Hub, list[str]]]:
    """How it ends after a death at each step: which one, the hub that is left, and what was sent.

    `prepare` gives the bot to which a customer then writes `texts`, which nobody has read yet.
    """
    telegram_rules(provider)
    with recorded(settings) as deps:
        with running_hub(deps, provider) as hub:
            hub.register()
            hub.get("/api/events")
            bot = prepare(hub)
            eventually(hub.idle)
        for text in texts:
            hub.customer_writes(bot, text)
        prepared = directory / "prepared"
        _copy(settings.data_dir, prepared)
    environment = {"TELEGRAM_API_URL": provider.url, "OPENAI_BASE_URL": f"{provider.url}/v1"}
    if settings.openai_api_key is not None:
        environment["OPENAI_API_KEY"] = settings.openai_api_key.get_secret_value()

    def copied(data: Path) -> None:
        _copy(prepared, data)
        with _opened(hub, settings, data) as copy:
            before_each(copy)

    steps = 0
    sent_before = len(hub.sent_texts())
    for data in killed_at_each_step(copied, directory, **environment):
        steps += 1
        with _opened(hub, settings, data) as left:
            yield f"step {steps}", left, hub.sent_texts()[sent_before:]
        sent_before = len(hub.sent_texts())
    assert steps > FEWEST_STEPS


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("hub.db*"))
    with closing(sqlite3.connect(source / "hub.db")) as former, closing(sqlite3.connect(target / "hub.db")) as copy:
        former.backup(copy)


@contextmanager
def _opened(hub: Hub, settings: Settings, data: Path) -> Iterator[Hub]:
    """What is in a data directory, seen as `hub` is."""
    deps = bootstrap(settings.model_copy(update={"data_dir": data}), durable=False)
    try:
        yield Hub(deps, hub.client, hub.provider, hub.headers, hub.tenant_id)
    finally:
        close(deps)


def _announced_once(hub: Hub, step: str) -> None:
    """Whoever follows the events gets each message once, whenever the hub died."""
    events = [json.loads(each["event"]) for each in hub.documents("event_log")]
    created = Counter(each["payload"]["message"]["id"] for each in events if each["name"] == "message-created")
    assert created == Counter(message.id for message in hub.messages()), step


def test_a_conversation_is_handed_over_once(settings: Settings, provider: Stub, tmp_path: Path) -> None:
    arguments = json.dumps({"reason": "a refund", "message": "A colleague will answer."})
    call = {"id": "c1", "type": "function", "function": {"name": "hand_over", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    provider.on("POST", CHAT, Reply(json={"choices": [{"message": message}]}))
    keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test")})

    def prepare(hub: Hub) -> str:
        hub.echo_agent(cooldownSeconds=0)
        return hub.telegram()

    for step, hub, sent in _ends(keyed, provider, tmp_path, prepare, "my money back"):
        assert sent == ["A colleague will answer."], step
        assert hub.conversation().owner is Owner.NOBODY, step
        assert [note.text for note in hub.messages(Direction.SYSTEM)] == ["A person is needed: a refund"], step
        assert len(hub.documents("notifications", type="hand_over")) == 1, step
        _announced_once(hub, step)


def test_stop_is_confirmed_once(settings: Settings, provider: Stub, tmp_path: Path) -> None:
    def prepare(hub: Hub) -> str:
        hub.echo_agent(cooldownSeconds=0)
        return hub.telegram()

    for step, hub, sent in _ends(settings, provider, tmp_path, prepare, "STOP"):
        assert sent == [STOPPED], step
        [customer] = hub.documents("customers")
        assert [each["reason"] for each in customer["opt_outs"]] == ["STOP"], step
        _announced_once(hub, step)


def test_what_comes_while_an_agent_rests_is_answered_once(settings: Settings, provider: Stub, tmp_path: Path) -> None:
    def prepare(hub: Hub) -> str:
        hub.echo_agent(cooldownSeconds=1)
        bot = hub.telegram()
        hub.customer_writes(bot, "one")
        eventually(lambda: hub.sent_texts() == ["Echo: one"])
        return bot

    def answered_just_now(hub: Hub) -> None:
        ref = refs.conversation(hub.conversation().id)
        hub.store.commit([Merge(ref, {"last_auto_reply_at": hub.deps.now()})])

    ends = _ends(settings, provider, tmp_path, prepare, "two", before_each=answered_just_now)
    for step, hub, sent in ends:
        assert sent == ["Echo: two"], step
        assert hub.conversation().needs_reply_since is None, step
        _announced_once(hub, step)
