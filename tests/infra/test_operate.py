"""The operator's commands work beside a hub, on its data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra import operate
from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.domain.outbox import OutboxItem, OutboxPayload, OutboxStatus
from shared.errors import ProviderUnavailable
from shared.ports.store import Create, Merge, Ref
from shared.usecases.audit import append_new
from tests import refs
from tests.eventually import eventually

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
