"""`functions/functions.yaml`: every path has one deployable, every deployable its code, every topic its subscribers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.hub.main import blueprints, dialect_of
from functions.omega.schemas import LONGEST_WAIT
from infra.deployables import Front, Table, load
from infra.sockets import event_streams
from shared.adapters.google.pubsub import PubSub
from shared.config import Settings, setting_fields
from shared.deps import Deps
from shared.domain.events import OutboundEvent, Topic
from tests.apps import create_app

ROOT = Path(__file__).parents[2]
TABLE = load()
DIALECTS = {"omnichat", "omnihub", "dashboard", "omega", "forge"}
# Values that stand for a path's variables; a URL map knows no variables, only prefixes.
_VARIABLE = re.compile(r"<[^>]+>")


def _served(deps: Deps) -> list[str]:
    rules = create_app(deps, blueprints()).url_map.iter_rules()
    return sorted({_VARIABLE.sub("some-id", rule.rule) for rule in rules} | {deps.settings.socket_path + "/"})


def test_every_served_path_has_exactly_one_deployable_of_its_own(deps: Deps) -> None:
    for path in _served(deps):
        rows = [name for name, row in TABLE.of("split").items() if row.serves(path)]
        longest = max((TABLE.functions[name].serves(path) for name in rows), default=0)
        assert [TABLE.functions[name].serves(path) for name in rows].count(longest) == 1, (path, rows)


def test_a_path_goes_to_the_function_that_serves_it(deps: Deps) -> None:
    app = create_app(deps, blueprints())
    owners = {"webhooks": "webhooks", "documentation": "omnihub"}
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        owner = owners.get(blueprint, blueprint.partition("_")[0])
        assert TABLE.backend(_VARIABLE.sub("some-id", rule.rule)) == owner, rule.rule


def test_the_hub_hands_a_path_to_the_function_that_has_it_in_the_split_set(deps: Deps) -> None:
    for path in _served(deps):
        if not path.startswith(deps.settings.socket_path):
            assert dialect_of(path) == TABLE.backend(path), path


def test_every_pattern_leads_somewhere(deps: Deps) -> None:
    served = _served(deps)
    for name, row in TABLE.of("split").items():
        for pattern in row.paths:
            matched = [path for path in served if row.model_copy(update={"paths": (pattern,)}).serves(path)]
            is_a_socket = pattern.startswith((deps.settings.socket_path, "/ws")) or pattern == event_streams.PATH
            assert matched or is_a_socket, f"{name}: nothing is served under {pattern}"


@pytest.mark.parametrize(
    "path",
    [
        *("/health", "/sessions", "/api/events", "/webhook/telegram_bot/x"),
        *("/socket.io/", "/ws", "/ws/dashboard", "/api/events/stream"),
    ],
)
def test_the_single_front_has_one_hub_for_everything_but_sockets(path: str) -> None:
    sockets = ("/socket.io/", "/ws", event_streams.PATH)
    assert TABLE.backend(path, "single") == ("sockets" if path.startswith(sockets) else "hub")


def test_every_row_has_its_code_and_all_code_has_its_row() -> None:
    functions = {name for name, row in TABLE.functions.items() if row.kind not in ("container", "worker")}
    assert functions == {main.parent.name for main in (ROOT / "functions").glob("*/main.py")}
    containers = set(TABLE.functions) - functions
    assert all((ROOT / "infra" / name / "__main__.py").is_file() for name in containers)


@pytest.mark.parametrize("front", ["single", "split"])
def test_who_waits_for_a_pairing_is_answered_before_the_platform_gives_up(front: Front) -> None:
    serving = TABLE.backend("/api/pair/status", front)
    assert TABLE.functions[str(serving)].timeout >= LONGEST_WAIT + 15


def test_only_webhooks_dialects_pages_and_sockets_are_public() -> None:
    public = {name for name, row in TABLE.functions.items() if row.public}
    assert public == DIALECTS | {"webhooks", "widget", "console", "hub", "sockets"}


@pytest.mark.parametrize("front", ["single", "split"])
def test_each_topic_is_consumed_with_either_front(front: Front) -> None:
    deployed = TABLE.of(front)
    for topic, row in TABLE.topics.items():
        readers = {reader for s in row.subscriptions.values() for reader in (s.push, s.pull) if reader}
        listeners = {name for name, function in deployed.items() if topic in function.roles.listens}
        assert readers | listeners, topic
        assert readers <= set(deployed)


def test_topics_and_subscriptions_have_the_names_that_the_code_asks_for() -> None:
    names = PubSub("p")
    subscriptions = {name: topic for topic, row in TABLE.topics.items() for name in row.subscriptions}
    assert set(TABLE.topics) == set(Topic)
    assert subscriptions[names.retained_subscription(Topic.INBOUND).rpartition("/")[2]] is Topic.INBOUND
    assert subscriptions[names.subscription(Topic.OUTBOUND).rpartition("/")[2]] is Topic.OUTBOUND
    assert all(names.dead_topic(topic).endswith(f"/{topic}-dead") for topic in Topic)
    assert all(names.dead_subscription(topic).endswith(f"/{topic}-dead") for topic in Topic)


def test_a_pushed_function_is_the_one_that_consumes_the_topic() -> None:
    for topic, row in TABLE.topics.items():
        for subscription in row.subscriptions.values():
            if subscription.push:
                function = TABLE.functions[subscription.push]
                assert function.topic is topic
                assert function.timeout <= subscription.ack_deadline, "it would still run when the event comes again"
                assert subscription.ordered
    pushed = {s.push for row in TABLE.topics.values() for s in row.subscriptions.values() if s.push}
    assert pushed == {name for name, row in TABLE.functions.items() if row.kind == "event"}


def test_what_is_to_be_sent_goes_to_one_runtime_only() -> None:
    filters = {s.push or s.pull: s.filter for s in TABLE.topics[Topic.OUTBOUND].subscriptions.values()}
    attribute = OutboundEvent(tenant_id="t", conversation_id="c").attributes()
    assert attribute == {"runtime": "function"}
    assert filters == {"deliver": 'attributes.runtime = "function"', "holders": 'attributes.runtime = "socket"'}


def test_what_is_scaled_is_a_pool_of_workers_which_nobody_calls() -> None:
    workers = {name for name, row in TABLE.functions.items() if row.kind == "worker"}
    assert {pool for row in TABLE.functions.values() for pool in row.roles.scales} == workers
    row = TABLE.functions["holders"].model_dump()
    with pytest.raises(ValueError, match="way in"):
        Table.model_validate({"functions": {"holders": row | {"paths": ["/accounts"]}}, "topics": {}})


def test_secrets_are_settings_that_hold_secrets_and_that_somebody_reads() -> None:
    secret = {name for name, field in setting_fields().items() if "SecretStr" in str(field.annotation)}
    code = "".join(
        file.read_text("utf-8") for file in (ROOT / "shared").rglob("*.py") if file != ROOT / "shared" / "config.py"
    )
    read = {
        name.upper() for name in secret if re.search(rf"(\b(settings|own|app|telegram)|Settings\))\.{name}\b", code)
    }
    required = {name for row in TABLE.functions.values() for name in row.secrets}
    assert required <= {name.upper() for name in secret}
    # Of that one only whether it is set is told.
    assert read - {"DATABASE_URL"} <= required


def test_the_hub_has_the_rights_of_all_that_it_stands_for() -> None:
    hub = TABLE.functions["hub"]
    for name in DIALECTS | {"webhooks", "widget", "console"}:
        row = TABLE.functions[name]
        assert set(row.secrets) <= set(hub.secrets), name
        assert set(row.roles.publishes) <= set(hub.roles.publishes), name
        assert {*row.roles.reads_secrets, *row.roles.writes_secrets} <= set(hub.roles.writes_secrets), name


def test_secrets_of_tenants_have_the_names_that_rights_are_given_for() -> None:
    prefixes = {p for row in TABLE.functions.values() for p in (*row.roles.reads_secrets, *row.roles.writes_secrets)}
    named = {
        match[1]
        for file in (ROOT / "shared").rglob("*.py")
        for match in re.finditer(
            r'(?:return|=) f"([a-z]+-)\{(?:self\.id|caller\.tenant_id|agent_id|endpoint_id)\}[^"]*"',
            file.read_text("utf-8"),
        )
        if "secret" in file.read_text("utf-8")
    }
    assert prefixes == named


def test_no_function_needs_more_threads_than_may_be_asked_for() -> None:
    for name, row in TABLE.functions.items():
        assert Settings(threads=row.concurrency).threads == row.concurrency, name


def test_the_table_refuses_what_terraform_could_not_use() -> None:
    row = TABLE.functions["reply"].model_dump()
    with pytest.raises(ValueError, match="way in"):
        Table.model_validate({"functions": {"reply": row | {"topic": None}}, "topics": {}})
    with pytest.raises(ValueError, match="extra"):
        Table.model_validate({"functions": {"reply": row | {"room": "1Gi"}}, "topics": {}})
