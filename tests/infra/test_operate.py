"""The operator's commands work beside a hub, on its data."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra import operate
from infra.operate import redriving
from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.domain.outbox import OutboxItem, OutboxPayload, OutboxStatus
from shared.errors import ProviderUnavailable
from shared.ports.store import Create, Merge, Ref
from shared.usecases.audit import append_new
from shared.usecases.outbox import outbox_items
from tests import refs
from tests.eventually import eventually
from tests.functions.keys import new_owner

Output = pytest.CaptureFixture[str]


@pytest.fixture
def dead_item(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> str:
    """A dead message of the default tenant, on the data that the commands are told to use."""
    monkeypatch.setenv("DATA_DIR", str(deps.settings.data_dir))
    now = deps.now()
    item = OutboxItem(
        id="m1",
        tenant_id="default",
        conversation_id="c1",
        instance_id="i1",
        status=OutboxStatus.DEAD,
        open=False,
        reason="rejected",
        payload=OutboxPayload(text="what was to be said"),
        created_at=now,
        updated_at=now,
    )
    message = {"id": "m1", "tenant_id": "default", "status": "dead"}
    deps.store.commit([Create(refs.outbox("m1"), item.model_dump()), Create(refs.message("m1"), message)])
    return "m1"


def test_dead_messages_are_listed_without_their_content_and_sent_again(
    dead_item: str, deps: Deps, capsys: Output
) -> None:
    assert operate.main(["outbox", "--tenant", "default"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["id"], json.loads(line)["reason"]) == (dead_item, "rejected")
    assert "what was to be said" not in line
    assert operate.main(["redrive", dead_item, "--tenant", "default"]) == 0
    assert deps.store.get([refs.outbox(dead_item)])[refs.outbox(dead_item)].data["status"] == "PENDING"
    assert operate.main(["redrive", dead_item, "--tenant", "default"]) == 1
    assert "only a dead item" in capsys.readouterr().err


@pytest.fixture
def dead_items(dead_item: str, deps: Deps) -> list[str]:
    """Four dead messages of the default tenant, the oldest first, of two channels and with two reasons."""
    first = deps.store.get([refs.outbox(dead_item)])[refs.outbox(dead_item)].data
    ids = [dead_item]
    for number, (channel, reason) in enumerate(
        [("i2", "rejected"), ("i1", "retries_exhausted"), ("i1", "rejected")], 2
    ):
        moment = first["created_at"] + timedelta(minutes=number)
        item = first | {"id": f"m{number}", "instance_id": channel, "reason": reason}
        item |= {"created_at": moment, "updated_at": moment}
        message = {"id": f"m{number}", "tenant_id": "default", "status": "dead"}
        deps.store.commit([Create(refs.outbox(f"m{number}"), item), Create(refs.message(f"m{number}"), message)])
        ids.append(f"m{number}")
    return ids


def _lines(output: Output) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.readouterr().out.splitlines()]


def _status_of(deps: Deps, ids: list[str]) -> list[str]:
    documents = deps.store.get([refs.outbox(item_id) for item_id in ids])
    return [documents[refs.outbox(item_id)].data["status"] for item_id in ids]


def test_many_are_sent_again_by_a_filter_the_oldest_first(dead_items: list[str], deps: Deps, capsys: Output) -> None:
    command = ["redrive-all", "--tenant", "default", "--rate", "1000"]
    assert operate.main([*command, "--reason", "rejected", "--instance", "i1", "--dry-run"]) == 0
    assert [line.get("id") for line in _lines(capsys)] == ["m1", "m4", None]
    assert _status_of(deps, dead_items) == ["DEAD"] * 4, "nothing was done"
    assert operate.main([*command, "--reason", "rejected", "--instance", "i1"]) == 0
    assert _lines(capsys)[-1] == {"matching": 2, "redriven": 2}
    assert _status_of(deps, dead_items) == ["PENDING", "DEAD", "DEAD", "PENDING"]
    until = deps.store.get([refs.outbox("m3")])[refs.outbox("m3")].data["updated_at"]
    assert operate.main([*command, "--until", until.isoformat()]) == 0
    assert [line.get("id") for line in _lines(capsys)] == ["m2", None]
    assert operate.main([*command, "--tenant", "somebody"]) == 0
    assert _lines(capsys) == [{"matching": 0, "redriven": 0}]


def test_many_go_out_no_faster_than_the_rate_and_no_more_than_the_limit(dead_items: list[str], deps: Deps) -> None:
    pauses: list[float] = []
    lines = redriving.messages(deps, "default", redriving.Filter(), rate=4, limit=3, dry_run=False, pause=pauses.append)
    assert [line.get("id") for line in lines] == ["m1", "m2", "m3", None]
    assert pauses == [0.25, 0.25]
    assert _status_of(deps, dead_items) == ["PENDING", "PENDING", "PENDING", "DEAD"]


def test_what_somebody_else_sent_meanwhile_is_left(dead_items: list[str], deps: Deps) -> None:
    lines = redriving.messages(deps, "default", redriving.Filter(), rate=1000, limit=9, dry_run=False)
    assert next(lines)["id"] == "m1"
    outbox_items.redrive(deps, "default", "m2")
    assert "only a dead item" in next(lines)["left"]
    assert list(lines)[-1] == {"matching": 4, "redriven": 3}


def test_dead_letters_of_one_tenant_are_published_again(dead_item: str, deps: Deps, capsys: Output) -> None:
    def refuse(_: object) -> None:
        raise ProviderUnavailable("test", "no")

    for number, tenant in enumerate(["default", "somebody", "default"]):
        event = InboundEvent(
            id=f"e{number}", tenant_id=tenant, instance_id="i", channel="c", payload={}, received_at=deps.now()
        )
        deps.bus.publish(Topic.INBOUND, event, key=f"k{number}")
    stop = deps.bus.consume({Topic.INBOUND: refuse})
    eventually(lambda: len(deps.bus.dead_letters(Topic.INBOUND).letters) == 3)
    stop()
    assert operate.main(["redrive-events", "inbound", "--tenant", "default", "--rate", "1000"]) == 0
    assert _lines(capsys)[-1] == {"matching": 2, "redriven": 2}
    [left] = deps.bus.dead_letters(Topic.INBOUND).letters
    assert left.event.tenant_id == "somebody"


def test_the_users_of_a_tenant_are_listed_without_their_passwords(dead_item: str, deps: Deps, capsys: Output) -> None:
    owner = new_owner(deps, "ann@example.com")
    assert operate.main(["users", "--tenant", owner.tenant_id]) == 0
    [line] = _lines(capsys)
    assert (line["email"], line["role"]) == ("ann@example.com", "owner")
    assert set(line) == {"id", "email", "name", "role", "created_at"}


def test_the_status_says_on_one_screen_what_is_there_and_what_needs_attention(
    dead_item: str, deps: Deps, capsys: Output
) -> None:
    owner = new_owner(deps, "ann@example.com")
    assert operate.main(["status"]) == 1
    screen = capsys.readouterr().out
    assert len(screen.splitlines()) <= 24
    assert "no hub is running on this data" in screen
    assert re.search(r"^disk +.*database \d.* free$", screen, re.MULTILINE)
    assert owner.tenant_id in screen
    stop = deps.bus.consume({Topic.INBOUND: lambda _: None})
    deps.store.commit([Create(refs.tenant("default"), {"id": "default", "name": "Acme", "created_at": deps.now()})])
    try:
        assert operate.main(["status"]) == 1
        screen = capsys.readouterr().out
        assert "a hub is running" in screen
        assert "1 dead messages of tenant default: operate outbox --tenant default" in screen
        outbox_items.redrive(deps, "default", dead_item)
        assert operate.main(["status"]) == 0
        assert capsys.readouterr().out.rstrip().endswith("all is well")
    finally:
        stop()


def test_another_tenants_item_is_not_there(dead_item: str, capsys: Output) -> None:
    assert operate.main(["redrive", dead_item, "--tenant", "somebody"]) == 1
    assert capsys.readouterr().err == "There is no such outbox item\n"


def test_dead_letters_are_listed_and_published_again_and_webhooks_replayed(
    dead_item: str, deps: Deps, capsys: Output
) -> None:
    event = InboundEvent(
        id="e1", tenant_id="default", instance_id="i", channel="c", payload={"x": 1}, received_at=datetime.now(UTC)
    )
    began = datetime.now(UTC) - timedelta(minutes=1)
    deps.bus.publish(Topic.INBOUND, event, key="k")

    def refuse(_: object) -> None:
        raise ProviderUnavailable("test", "no")

    stop = deps.bus.consume({Topic.INBOUND: refuse})
    eventually(lambda: deps.bus.dead_letters(Topic.INBOUND).letters)
    stop()
    assert operate.main(["dead-letters", "inbound"]) == 0
    letter = json.loads(capsys.readouterr().out)
    assert (letter["event"]["id"], letter["reason"]) == ("e1", "ProviderUnavailable: test: no")
    assert operate.main(["redrive-event", "inbound", letter["id"]]) == 0
    events: list[object] = []
    stop = deps.bus.consume({Topic.INBOUND: events.append})
    eventually(lambda: events)
    stop()
    assert operate.main(["replay", began.isoformat()]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"replayed": 1}


def test_bad_settings_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setenv("PORT", "many")
    assert operate.main(["dead-letters", "inbound"]) == 2
    assert capsys.readouterr().err.startswith("PORT:")


def test_an_empty_file_is_no_database_and_stays_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "hub.db").touch()
    assert operate.main(["users", "--tenant", "default"]) == 2
    assert "holds no hub.db" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["hub.db"]
    assert (tmp_path / "hub.db").stat().st_size == 0


def test_a_directory_in_which_no_hub_has_run_is_refused_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "elsewhere"))
    assert operate.main(["setup-link"]) == 2
    assert "elsewhere holds no hub.db: give this command the hub's settings" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["replay", "yesterday"], "give a time such as 2026-11-21T10:00:00Z"),
        (["invite", "ann@example.com", "--tenant", "default", "--role", "boss"], "invalid choice: 'boss'"),
        (["outbox", "--tenant", "default", "--status", "LOST"], "invalid choice: 'LOST'"),
        (["redrive-all", "--tenant", "default", "--rate", "0"], "from 0.001 to 1000"),
        (["redrive-all", "--tenant", "default", "--limit", "many"], "give a number from 1 to 10000"),
        (["dead-letters", "inbuond"], "invalid choice: 'inbuond'"),
    ],
)
def test_a_mistake_is_answered_with_what_can_be_given(arguments: list[str], hint: str, capsys: Output) -> None:
    with pytest.raises(SystemExit):
        operate.main(arguments)
    assert hint in capsys.readouterr().err


def test_what_the_operator_does_is_in_the_log_and_a_changed_entry_is_found(
    dead_item: str, deps: Deps, capsys: Output
) -> None:
    assert operate.main(["redrive", dead_item, "--tenant", "default"]) == 0
    append_new(deps)
    capsys.readouterr()
    assert operate.main(["audit", "--tenant", "default"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert (entry["actor_kind"], entry["action"], entry["number"]) == ("operator", "operate redrive", 1)
    assert operate.main(["verify-audit", "--tenant", "default"]) == 0
    assert json.loads(capsys.readouterr().out)["number"] == 1
    deps.store.commit([Merge(Ref("audit_entries", entry["id"]), {"actor_kind": "key"})])
    assert operate.main(["verify-audit", "--tenant", "default"]) == 1
    assert "entry 1 was changed" in capsys.readouterr().err
