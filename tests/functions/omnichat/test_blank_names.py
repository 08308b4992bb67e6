"""A name or a text that consists of spaces is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub

PERSON = {"email": "bob@example.com", "role": "agent"}


@pytest.mark.parametrize(
    ("path", "body"),
    [("channels", {"type": "WIDGET"}), ("agents", {}), ("teams", {}), ("keys", {}), ("users", PERSON)],
)
def test_nothing_has_a_blank_name(hub: Hub, path: str, body: dict[str, Any]) -> None:
    for name in ("", "   ", "\t"):
        refused = hub.post(f"/api/{path}", body | {"name": name}, 400)
        assert list(refused["fields"]) == ["name"]
    created = hub.post(f"/api/{path}", body | {"name": "Ada"}, 201)
    if path != "keys":
        hub.patch(f"/api/{path}/{created['id']}", {"name": " "}, 400)


def test_who_registers_with_blank_names_has_left_them_out(hub: Hub) -> None:
    body = {"email": "eve@example.com", "password": "correct horse", "name": " ", "tenantName": "  "}
    session = hub.post("/api/auth/register", body, 201)
    assert (session["user"]["name"], session["tenant"]["name"]) == (None, "eve")


@pytest.mark.parametrize("blank", ["", "   ", None])
def test_a_conversation_is_given_to_nobody_by_a_blank_name(hub: Hub, blank: str | None) -> None:
    hub.customer_writes(hub.telegram(), "hello")
    path = f"/api/conversations/{hub.conversation().id}"
    assert hub.patch(path, {"assigneeId": " bob "})["assigneeId"] == "bob"
    assert hub.patch(path, {"assigneeId": blank})["assigneeId"] is None


def test_nobody_writes_a_blank_text(manual_hub: ManualHub) -> None:
    hub = manual_hub
    hub.writes(hub.telegram(), "hello")
    session = hub.conversation().id
    message = hub.say(session, "hello")["message"]["id"]
    hub.work()
    reply = hub.post("/api/canned-replies", {"shortCode": "hi", "text": "Hello"}, 201)["id"]
    campaign = {"name": "Spring", "channels": ["WHATSAPP"]}
    for blank in (" ", "\n\t"):
        for path, field in ((f"conversations/{session}/notes", "text"), ("canned-replies", "text")):
            refused = hub.post(
                f"/api/{path}", {"shortCode": "bye", field: blank} if "canned" in path else {field: blank}, 400
            )
            assert refused["fields"] == {field: "must not be blank"}
        hub.patch(f"/api/canned-replies/{reply}", {"text": blank}, 400)
        hub.patch(f"/api/messages/{message}", {"text": blank}, 400)
        assert hub.put(f"/messages/{message}", {"content": blank}, 400)["fields"] == {"content": "must not be blank"}
        hub.post("/api/campaigns", campaign | {"texts": {"WHATSAPP": blank}}, 400)
