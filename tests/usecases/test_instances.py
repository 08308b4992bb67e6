"""What holds for instances below every dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from shared.channel.lifecycle import Connection
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.whatsapp_evolution.config import EvolutionConfig, EvolutionSettings
from shared.deps import Deps
from shared.domain.accounts import Principal, Role
from shared.domain.instances import ChannelType, ExternalAgent, Instance, InstanceStatus
from shared.errors import BadRequest, Collision, Conflict, NotFound
from shared.ports.store import Document, Merge, Ref, Write
from shared.usecases.instances import instance_config, instances
from shared.usecases.instances.instance_config import Parts
from shared.usecases.instances.instance_connection import record
from shared.usecases.instances.instance_documents import label
from shared.usecases.instances.instances import Changes, NewInstance
from tests.recording_bus import RecordingBus
from tests.stubs import Reply, Stub

ADMIN = Principal(tenant_id="acme", role=Role.ADMIN)


def make(deps: Deps, tenant_id: str = "acme", **fields: Any) -> Instance:
    new = NewInstance(**{"channel_type": ChannelType.SLACK, **fields})
    return instances.create(deps, tenant_id, new, connect=False)


def proved(deps: Deps, instance: Instance, account: str) -> Instance:
    """The instance after its provider said whose credentials it has."""
    return record(deps, instance, Connection(status=InstanceStatus.CONNECTED, external_id=account))


class Crowded:
    """A store in which somebody else writes just before the next commit."""

    def __init__(self, deps: Deps, somebody: Callable[[], None]) -> None:
        self._store = deps.store
        self._waiting = [somebody]

    def commit(self, writes: Sequence[Write]) -> None:
        if self._waiting:
            self._waiting.pop()()
        self._store.commit(writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Counting:
    """A store that counts how often it is read."""

    def __init__(self, deps: Deps) -> None:
        self._store = deps.store
        self.reads = 0

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        self.reads += 1
        return self._store.get(refs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def crowded(deps: Deps, somebody: Callable[[], None]) -> Deps:
    return replace(deps, store=Crowded(deps, somebody))


def test_numbers_and_slugs_are_never_used_again(deps: Deps) -> None:
    make(deps)
    deleted = make(deps)
    instances.delete(deps, "acme", deleted.id)
    assert (deleted.seq, deleted.slug) == (2, "slack-2")
    again = make(deps)
    assert (again.seq, again.slug) == (3, "slack-3")
    assert make(deps, "other").slug == "slack-1"


def test_names_are_made_in_the_likeness_of_labels(deps: Deps) -> None:
    assert make(deps, label="Büro & Café").name == "buro-cafe"
    assert make(deps, label="Büro & Café").name.startswith("buro-cafe-")
    assert make(deps, label="客服").name.startswith("channel-")
    assert make(deps, label="default").name.startswith("default-")


def test_a_deletion_elsewhere_is_seen_before_the_last_one_goes(deps: Deps) -> None:
    make(deps)
    second = make(deps)
    busy = crowded(deps, lambda: deps.store.commit([Merge(Ref("instance_sets", "acme"), {"count": 1})]))
    with pytest.raises(BadRequest, match="only remaining"):
        instances.delete(busy, "acme", second.id, keep_last=True)
    assert instances.by_id(deps, "acme", second.id).id == second.id


def test_a_default_chosen_elsewhere_is_seen_before_another_is(deps: Deps) -> None:
    make(deps)
    second, third = make(deps), make(deps)

    def elsewhere() -> None:
        now_default = Merge(Ref("instances", second.id), {"is_default": True})
        deps.store.commit([Merge(Ref("instance_sets", "acme"), {"default_id": second.id}), now_default])

    instances.set_default(crowded(deps, elsewhere), "acme", third.id)
    defaults = {i.id: i.is_default for i in instances.list_page(deps, "acme")}
    assert (defaults[second.id], defaults[third.id]) == (False, True)
    assert instances.get_default(deps, "acme").id == third.id


def test_a_commit_that_never_succeeds_leaves_no_secret_and_says_conflict(deps: Deps) -> None:
    written: list[str] = []

    class Full:
        def commit(self, writes: Sequence[Write]) -> None:
            raise Conflict

        def __getattr__(self, name: str) -> Any:
            return getattr(deps.store, name)

    class Watched:
        def write(self, name: str, value: dict[str, str]) -> None:
            written.append(name)
            deps.secrets.write(name, value)

        def __getattr__(self, name: str) -> Any:
            return getattr(deps.secrets, name)

    full = replace(deps, store=Full(), secrets=Watched())
    with pytest.raises(Conflict):
        make(full, config={"bot_token": "secret"})
    assert deps.secrets.read(written[0]) == {}


def test_the_configuration_is_the_deployments_then_the_instances_then_its_secrets(deps: Deps) -> None:
    bare = make(deps, channel_type=ChannelType.WHATSAPP)
    own = make(
        deps,
        channel_type=ChannelType.WHATSAPP,
        config={"evolutionUrl": "https://evolution.example.com/", "evolution_key": "own-key"},
    )
    bare_config, own_config = instances.load_config(deps, bare), instances.load_config(deps, own)
    assert isinstance(bare_config, EvolutionConfig)
    assert isinstance(own_config, EvolutionConfig)
    assert bare_config.evolution_url == deps.settings.of(EvolutionSettings).evolution_url
    assert own_config.evolution_url == "https://evolution.example.com"
    assert own_config.evolution_key == SecretStr("own-key")
    assert "evolution_key" not in own.config


def test_a_changed_configuration_is_used_at_once(deps: Deps) -> None:
    bot = make(deps, channel_type=ChannelType.TELEGRAM_BOT, config={"botToken": "1:old"})
    instances.load_config(deps, bot)
    instances.update(deps, ADMIN, bot.id, Changes(config={"botToken": "1:new"}), connect=False)
    config = instances.load_config(deps, bot)
    assert isinstance(config, TelegramBotConfig)
    assert config.bot_token == SecretStr("1:new")


def test_an_incomplete_configuration_is_named(deps: Deps) -> None:
    bot = make(deps, channel_type=ChannelType.TELEGRAM_BOT)
    assert bot.status is InstanceStatus.NOT_CONFIGURED
    with pytest.raises(BadRequest, match="bot_token"):
        instances.load_config(deps, bot)


def test_an_instance_whose_adapter_is_gone_has_no_configuration_to_load(deps: Deps) -> None:
    with pytest.raises(NotFound):
        instances.load_config(deps, make(deps).model_copy(update={"adapter": "gone"}))


def test_webhooks_find_an_instance_by_id_name_account_and_default(deps: Deps) -> None:
    instance = proved(deps, make(deps, deps.settings.default_tenant_id, name="mine"), "T/1 é")
    find = instances.find_cached
    assert find(deps, instance_id=instance.id) == instance
    assert find(deps, name="mine") == instance
    assert find(deps, address=("slack", "T/1 é")) == instance
    assert find(deps, default=True) == instance
    assert find(deps, name="nothing") is None
    assert find(deps, name="../x") is None
    assert find(deps, address=("slack", "T")) is None
    assert find(deps) is None


def test_an_account_that_its_instance_has_left_is_free(deps: Deps) -> None:
    first = make(deps)
    for account in ("A", "B"):
        record(deps, first, Connection(status=InstanceStatus.CONNECTED, account=account))
    record(deps, make(deps), Connection(status=InstanceStatus.CONNECTED, account="A"))
    with pytest.raises(Collision):
        record(deps, make(deps), Connection(status=InstanceStatus.CONNECTED, account="B"))


def test_an_instance_is_called_as_its_owner_then_its_provider_calls_it_then_by_its_name(deps: Deps) -> None:
    plain = make(deps, name="mine")
    displayed = plain.model_copy(update={"display_name": "Acme Support"})
    assert (label(plain), label(displayed)) == ("mine", "Acme Support")
    assert label(make(deps, label="Shop").model_copy(update={"display_name": "Acme Support"})) == "Shop"


def test_a_webhooks_instance_is_read_once(deps: Deps) -> None:
    make(deps, name="mine")
    store = Counting(deps)
    counted = replace(deps, store=store)
    for _ in range(5):
        assert instances.find_cached(counted, name="mine")
    assert store.reads == 2


def test_what_webhooks_see_follows_every_change(deps: Deps) -> None:
    tenant = deps.settings.default_tenant_id
    first, second = proved(deps, make(deps, tenant), "A"), make(deps, tenant)
    find = instances.find_cached
    assert find(deps, default=True) == first
    assert find(deps, address=("slack", "A")) == first
    instances.set_default(deps, tenant, second.id)
    instance = find(deps, default=True)
    assert instance
    assert instance.id == second.id
    instances.update(deps, replace(ADMIN, tenant_id=tenant), first.id, Changes(external_id="B"))
    assert find(deps, address=("slack", "A")) is None
    assert find(deps, address=("slack", "B")) is None
    proved(deps, first, "B")
    assert find(deps, address=("slack", "B"))
    instances.delete(deps, tenant, first.id)
    assert find(deps, instance_id=first.id) is None
    assert find(deps, address=("slack", "B")) is None


def test_the_last_ones_deletion_leaves_no_default(deps: Deps) -> None:
    only = make(deps)
    instances.delete(deps, "acme", only.id)
    with pytest.raises(NotFound):
        instances.get_default(deps, "acme")
    assert make(deps).is_default


def test_a_changed_type_gets_a_slug_of_its_own(deps: Deps) -> None:
    instance = make(deps)
    changed = instances.update(deps, ADMIN, instance.id, Changes(channel_type=ChannelType.DISCORD))
    assert (changed.type, changed.adapter, changed.slug) == (ChannelType.DISCORD, "discord", "discord-1")


def test_an_external_agent_needs_all_of_its_fields(deps: Deps) -> None:
    instance = make(deps)
    with pytest.raises(BadRequest) as refused:
        instances.update(deps, ADMIN, instance.id, Changes(agent={"timeout": 5}))
    assert set(refused.value.fields) == {"api_url", "default_agent"}
    agent = {"api_url": "https://agent.example.com", "default_agent": "support"}
    changed = instances.update(deps, ADMIN, instance.id, Changes(agent=agent, agent_api_key="key"))
    assert changed.agent == ExternalAgent(api_url="https://agent.example.com", default_agent="support")
    assert instances.credentials(deps, changed) == {"agent_api_key": "key"}


def test_lists_go_on_past_a_page(deps: Deps) -> None:
    created_ids = [make(deps).id for _ in range(5)]
    first, cursor = instances.list_after(deps, "acme", 3)
    rest, end = instances.list_after(deps, "acme", 3, cursor)
    assert [i.id for i in first + rest] == created_ids
    assert end is None


def test_a_code_to_scan_is_kept_and_shown_to_the_room(deps: Deps, provider: Stub) -> None:
    bus = RecordingBus(deps.bus)
    provider.on(
        "GET",
        "/instance/connectionState/",
        Reply(404, {"status": 404, "error": "Not Found", "response": {"message": ["The instance does not exist"]}}),
    )
    created = {"instance": {"status": "connecting"}, "hash": "TOKEN", "qrcode": {"code": "2@abc", "base64": "QUJD"}}
    provider.on("POST", "/instance/create", Reply(201, created))
    public = replace(
        deps,
        bus=bus,
        settings=deps.settings.model_copy(update={"public_url": "https://hub.example.com"}),
    )
    new = NewInstance(channel_type=ChannelType.WHATSAPP, name="shop", config={"evolution_key": "global-key"})
    instance = instances.create(public, "acme", new)
    assert instance.status is InstanceStatus.WAITING_FOR_SCAN
    assert instance.pairing
    assert instance.pairing.text == "2@abc"
    assert [event.name for event in bus.published] == ["channel-status", "whatsapp-qr"]
    assert {event.room for event in bus.published} == {instance.id}
    assert bus.published[1].payload["qr"] == "2@abc"
    credentials = instances.credentials(deps, instance)
    assert credentials["instance_token"] == "TOKEN"
    assert set(credentials) == {"evolution_key", "instance_token", "webhook_secret"}
    assert instances.by_id(deps, "acme", instance.id) == instance


@pytest.mark.parametrize(
    ("skip", "limit", "field"), [(-1, 10, "skip"), (10_001, 10, "skip"), (0, 0, "limit"), (0, -1, "limit")]
)
def test_a_page_that_cannot_be_is_refused(deps: Deps, skip: int, limit: int, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        instances.list_page(deps, "acme", skip, limit)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(("skip", "limit", "slugs"), [(10_000, 1, []), (0, 1, ["slack-1"]), (1, 5000, ["slack-2"])])
def test_a_page_at_the_limits_is_given(deps: Deps, skip: int, limit: int, slugs: list[str]) -> None:
    make(deps)
    make(deps)
    assert [instance.slug for instance in instances.list_page(deps, "acme", skip, limit)] == slugs


def test_what_is_too_long_for_a_secret_is_refused() -> None:
    fitting, too_long = ({"token": "x" * length} for length in (1000, 70_000))
    assert instance_config.with_unlisted(Parts(secrets=fitting), {}) == fitting
    with pytest.raises(BadRequest) as refused:
        instance_config.with_unlisted(Parts(secrets=too_long), {})
    assert list(refused.value.fields) == ["metadata"]


def test_of_an_adapter_that_is_gone_nothing_is_missing(deps: Deps) -> None:
    assert instance_config.model_of("imagined") is None
    assert instance_config.check(deps, "acme", "imagined", Parts({"anything": "x"})) == []
