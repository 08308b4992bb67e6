"""A person's notifications: those for everybody and their own, read by each for themselves."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.accounts import Role
from shared.domain.notifications import Notification
from shared.ports.store import Create, Ref
from shared.usecases.reporting.notifications import notify_once
from tests.documents import a_user
from tests.functions.keys import signed_in
from tests.pipeline.manual_hub import ManualHub

PATH = "/api/notifications"


@pytest.fixture
def ann(manual_hub: ManualHub) -> dict[str, str]:
    """The headers of a colleague."""
    user = a_user(id="ann", tenant_id=manual_hub.tenant_id, email="ann@example.com")
    manual_hub.store.commit([Create(Ref("users", user.id), user.model_dump())])
    return signed_in(manual_hub.deps, user)


def _notify(hub: ManualHub, number: int) -> None:
    hub.wait(minutes=1)
    notify_once(
        hub.deps,
        Notification(
            id=f"n{number}", tenant_id=hub.tenant_id, type="test", title="T", message="M", created_at=hub.deps.now()
        ),
    )


def _list(hub: ManualHub, headers: dict[str, str], query: str = "") -> Any:
    return hub.client.get(f"{PATH}?{query}", headers=headers).json


def _read(hub: ManualHub, headers: dict[str, str]) -> dict[str, bool]:
    return {each["id"]: each["read"] for each in _list(hub, headers)["notifications"]}


def _mark(hub: ManualHub, headers: dict[str, str], path: str, status: int = 200) -> None:
    assert hub.client.put(f"{PATH}/{path}", headers=headers).status_code == status


def test_each_person_reads_for_themselves(manual_hub: ManualHub, ann: dict[str, str]) -> None:
    hub = manual_hub
    for number in (1, 2):
        _notify(hub, number)
    for _ in range(2):
        _mark(hub, hub.headers, "n1/read")
    assert _read(hub, hub.headers) == {"n2": False, "n1": True}
    assert _read(hub, ann) == {"n2": False, "n1": False}
    _mark(hub, ann, "read")
    _notify(hub, 3)
    assert _read(hub, ann) == {"n3": False, "n2": True, "n1": True}
    assert _read(hub, hub.headers) == {"n3": False, "n2": False, "n1": True}


def test_who_only_looks_on_reads_for_themselves_too(manual_hub: ManualHub) -> None:
    hub = manual_hub
    user = a_user(id="vera", tenant_id=hub.tenant_id, email="vera@example.com", role=Role.VIEWER)
    hub.store.commit([Create(Ref("users", user.id), user.model_dump())])
    vera = signed_in(hub.deps, user)
    for number in (1, 2):
        _notify(hub, number)
    _mark(hub, vera, "n1/read")
    assert _read(hub, vera) == {"n2": False, "n1": True}
    _mark(hub, vera, "read")
    assert _read(hub, vera) == {"n2": True, "n1": True}
    assert _read(hub, hub.headers) == {"n2": False, "n1": False}


def test_a_mention_is_one_persons(manual_hub: ManualHub, ann: dict[str, str]) -> None:
    hub = manual_hub
    hub.writes(hub.telegram(), "hello")
    session = hub.conversation().id
    hub.post(f"/api/conversations/{session}/notes", {"text": "@ann please"}, 201)
    assert _list(hub, hub.headers)["notifications"] == []
    assert hub.get("/notifications")["notifications"] == []
    [mention] = _list(hub, ann)["notifications"]
    assert (mention["conversationId"], mention["isPersonal"], mention["read"]) == (session, True, False)
    _mark(hub, hub.headers, f"{mention['id']}/read", 404)
    _mark(hub, ann, f"{mention['id']}/read")
    assert _read(hub, ann) == {mention["id"]: True}


def test_pages_lead_through_both_kinds(manual_hub: ManualHub, ann: dict[str, str]) -> None:
    hub = manual_hub
    hub.writes(hub.telegram(), "hello")
    for number in (1, 2, 3):
        _notify(hub, number)
        hub.wait(minutes=1)
        hub.post(f"/api/conversations/{hub.conversation().id}/notes", {"text": f"@ann {number}"}, 201)
    whole = [each["id"] for each in _list(hub, ann)["notifications"]]
    ids: list[str] = []
    cursor = ""
    while cursor is not None:
        page = _list(hub, ann, f"limit=2&cursor={cursor}")
        ids += [each["id"] for each in page["notifications"]]
        cursor = page["nextCursor"]
    assert ids == whole
    assert len(whole) == 6
    assert hub.get(f"{PATH}?cursor=x", 400)["fields"] == {"cursor": "unknown"}
