"""A client uploads a file and sends it with a message, also from a hub that nobody outside can reach."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from shared.channel import MEGABYTE
from shared.domain.messages import Direction, MessageStatus
from shared.domain.outbox import OutboxItem
from shared.errors import BadRequest
from shared.ports.store import Merge, Ref
from shared.usecases.delivery import file_links
from tests.documents import an_instance
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub, seen_from
from tests.pipeline.test_file_copies import PNG, read
from tests.stubs import Reply


@pytest.fixture(autouse=True)
def _takes_pictures(manual_hub: ManualHub) -> None:
    result = {"message_id": 99, "date": 1, "chat": {"id": 5, "type": "private"}}
    manual_hub.provider.on("POST", "/sendPhoto", Reply(json={"ok": True, "result": result}))


def _upload(hub: ManualHub, content: bytes = PNG, status: int = 201, **request: Any) -> Any:
    request = {"content_type": "image/png", "query_string": {"fileName": "cat.png"}} | request
    answer = hub.client.post("/api/files", data=content, headers=hub.headers, **request)
    assert answer.status_code == status, answer.text
    return answer.json


def _with_settings(hub: ManualHub, **settings: Any) -> ManualHub:
    return seen_from(hub, replace(hub.deps, settings=hub.deps.settings.model_copy(update=settings)))


def _by_link(hub: ManualHub, url: str) -> TestResponse:
    address = urlsplit(url)
    return hub.client.get(f"{address.path}?{address.query}")


def _send(hub: ManualHub, session: str, file_id: str, status: int = 202, **about: Any) -> Any:
    body = {"conversationId": session, "attachments": [{"type": "image", "fileId": file_id} | about]}
    return hub.post("/api/messages/send", body, status)


def test_an_upload_can_be_read_by_its_id_and_by_its_link(manual_hub: ManualHub) -> None:
    file = _upload(manual_hub)
    assert (file["state"], file["mimeType"], file["fileName"], file["size"]) == (
        "stored",
        "image/png",
        "cat.png",
        len(PNG),
    )
    assert read(manual_hub, f"/media/{file['id']}") == (200, PNG)
    assert _by_link(manual_hub, file["url"]).data == PNG
    assert _by_link(manual_hub, file["url"].replace(f"/media/{file['id']}/", "/media/another/")).status_code == 401
    link = manual_hub.post(f"/media/{file['id']}/links", {"expires_in": 60}, 201)
    assert _by_link(manual_hub, link["url"]).data == PNG
    assert manual_hub.get(f"/api/files/{file['id']}")["sha256"] == file["sha256"]


def test_a_form_uploads_too(manual_hub: ManualHub) -> None:
    form = {"file": (io.BytesIO(PNG), "pictures/dog.png", "image/png")}
    answer = manual_hub.client.post("/api/files", data=form, headers=manual_hub.headers)
    assert (answer.status_code, answer.get_json()["fileName"]) == (201, "dog.png")


def test_an_upload_is_sent_with_its_bytes(manual_hub: ManualHub, session: str) -> None:
    file = _upload(manual_hub)
    _send(manual_hub, session, file["id"])
    manual_hub.work()
    [request] = manual_hub.provider.to("/sendPhoto")
    assert PNG in request.body
    assert b'name="photo"; filename="cat.png"' in request.body
    assert b'name="chat_id"\r\n\r\n5\r\n' in request.body
    [message] = manual_hub.messages(Direction.OUTBOUND)
    assert message.status is MessageStatus.SENT
    assert read(manual_hub, f"/media/{message.id}-0") == (200, PNG)


def test_the_dashboard_sends_uploads_too(manual_hub: ManualHub, session: str) -> None:
    file = _upload(manual_hub)
    body = {"session_id": session, "type": "image", "file_id": file["id"], "content": "Look!"}
    manual_hub.post("/messages/send", body, 202)
    manual_hub.work()
    [request] = manual_hub.provider.to("/sendPhoto")
    assert PNG in request.body
    assert b'name="caption"\r\n\r\nLook!\r\n' in request.body
    assert "file_id" in manual_hub.post("/messages/send", body | {"type": "text"}, 400)["fields"]["type"]


def test_a_provider_that_fetches_files_gets_a_link_to_an_upload(manual_hub: ManualHub, session: str) -> None:
    file = _upload(manual_hub)
    _send(manual_hub, session, file["id"])
    [document] = manual_hub.documents("outbox")
    item, line = OutboxItem.model_validate(document), an_instance("line", tenant_id=manual_hub.tenant_id)
    public = _with_settings(manual_hub, public_url="https://hub.example.com")
    [attachment] = file_links.payload_of(public.deps, line, item).attachments
    assert str(attachment.url).startswith("https://hub.example.com/media/")
    assert _by_link(public, str(attachment.url)).data == PNG
    with pytest.raises(BadRequest, match="PUBLIC_URL"):
        file_links.payload_of(manual_hub.deps, line, item)


def test_an_upload_is_passed_on_to_another_account_with_its_bytes(manual_hub: ManualHub, session: str) -> None:
    _send(manual_hub, session, _upload(manual_hub)["id"])
    manual_hub.work()
    [message] = manual_hub.messages(Direction.OUTBOUND)
    bot = {"name": "Sales", "type": "TELEGRAM_BOT", "config": {"botToken": "8:token"}}
    other_bot = manual_hub.post("/api/channels", bot, 201)["id"]
    body = {"channelInstanceId": other_bot, "externalUserId": "6", "forwardOf": message.id}
    manual_hub.post("/api/messages/send", body, 202)
    manual_hub.work()
    bodies = [request.body for request in manual_hub.provider.to("/sendPhoto")]
    assert [PNG in body for body in bodies] == [True, True]


def test_a_change_of_a_message_with_an_upload_needs_no_link_to_it(manual_hub: ManualHub, session: str) -> None:
    _send(manual_hub, session, _upload(manual_hub)["id"])
    manual_hub.work()
    [message] = manual_hub.messages(Direction.OUTBOUND)
    manual_hub.patch(f"/api/messages/{message.id}", {"text": "Look!"}, 202)
    items = [OutboxItem.model_validate(document) for document in manual_hub.documents("outbox")]
    [change] = [item for item in items if item.is_change]
    line = an_instance("line", tenant_id=manual_hub.tenant_id)
    assert file_links.payload_of(manual_hub.deps, line, change) == change.payload


def test_a_sent_file_outlives_its_upload(manual_hub: ManualHub, session: str) -> None:
    file = _upload(manual_hub)
    manual_hub.wait(days=300)
    _send(manual_hub, session, file["id"])
    manual_hub.work()
    [message] = manual_hub.messages(Direction.OUTBOUND)
    manual_hub.wait(days=100)
    manual_hub.tick()
    status, body = read(manual_hub, f"/media/{file['id']}")
    assert (status, b"no longer kept" in body) == (404, True)
    _send(manual_hub, session, file["id"], 422)
    assert read(manual_hub, f"/media/{message.id}-0") == (200, PNG)
    manual_hub.wait(days=300)
    manual_hub.tick()
    assert read(manual_hub, f"/media/{message.id}-0")[0] == 404
    assert manual_hub.documents("stored_contents") == []


def test_another_tenants_uploads_are_nobodys(manual_hub: ManualHub, session: str) -> None:
    file = _upload(manual_hub)
    foreign = key_for(manual_hub.deps, "other")
    for path in (f"/media/{file['id']}", f"/api/files/{file['id']}"):
        assert manual_hub.client.get(path, headers=foreign).status_code == 404
    other = _upload(replace(manual_hub, headers=foreign))
    _send(manual_hub, session, other["id"], 404)
    _send(manual_hub, session, "nothing", 404)


def test_nobody_uploads_without_the_right_to_write(manual_hub: ManualHub) -> None:
    assert manual_hub.client.post("/api/files", data=PNG, content_type="image/png").status_code == 401


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"", "image/png", 400),
        (b"<html><script>alert(1)</script></html>", "image/png", 422),
        (b"hello", "text/html; charset=utf-8", 422),
        (b"\x7fELF\x02\x01", "application/octet-stream", 422),
        (b"#!/bin/sh\n", "text/plain", 422),
        (b"x" * (MEGABYTE + 1), "application/pdf", 413),
        (b"x" * (26 * MEGABYTE), "application/pdf", 413),
        (b'{"a": 1}', "application/json", 201),
        (b"<invoice/>", "text/xml", 201),
    ],
)
def test_what_is_taken_and_what_is_not(manual_hub: ManualHub, content: bytes, content_type: str, status: int) -> None:
    hub = _with_settings(manual_hub, file_limit_mb=1)
    _upload(hub, content, status, content_type=content_type)


def test_an_attachment_has_an_address_or_an_upload(manual_hub: ManualHub, session: str) -> None:
    file = _upload(manual_hub)
    _send(manual_hub, session, file["id"], 400, url="https://cdn.example.com/cat.png")
    manual_hub.post("/api/messages/send", {"conversationId": session, "attachments": [{"type": "image"}]}, 400)


def test_an_infected_upload_is_refused(manual_hub: ManualHub) -> None:
    manual_hub.provider.on("POST", "/scan", Reply(json={"verdict": "infected", "reason": "Eicar-Test"}))
    hub = _with_settings(manual_hub, media_scan_url=f"{manual_hub.provider.url}/scan")
    assert "Eicar-Test" in _upload(hub, status=422)["detail"]
    assert hub.documents("file_copies") == []


def test_an_upload_that_is_not_checked_yet_is_neither_read_nor_sent(manual_hub: ManualHub, session: str) -> None:
    manual_hub.provider.on("POST", "/scan", Reply(503))
    hub = _with_settings(manual_hub, media_scan_url=f"{manual_hub.provider.url}/scan")
    file = _upload(hub)
    assert file["state"] == "checking"
    assert read(hub, f"/media/{file['id']}")[0] == 409
    assert _by_link(hub, file["url"]).status_code == 409
    _send(hub, session, file["id"], 409)
    manual_hub.provider.on("POST", "/scan", Reply(json={"verdict": "clean"}))
    hub.tick()
    assert hub.get(f"/api/files/{file['id']}")["state"] == "stored"
    _send(hub, session, file["id"])


def test_a_deployment_without_a_place_for_files_says_so(manual_hub: ManualHub) -> None:
    hub = _with_settings(manual_hub, files_per_tenant_mb=0)
    assert "FILES_PER_TENANT_MB" in _upload(hub, status=422)["detail"]


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({"state": "expired", "error": "odd"}, "it is no longer kept"),
        ({"state": "failed", "error": "lost on its way"}, "it is lost on its way"),
        ({"state": "failed", "error": None}, "it is failed"),
        ({"state": "stored", "sha256": "0" * 64}, "it is stored"),
    ],
    ids=str,
)
def test_why_an_upload_cannot_be_read_is_said(manual_hub: ManualHub, stored: dict[str, Any], reason: str) -> None:
    file = _upload(manual_hub)
    manual_hub.store.commit([Merge(Ref("file_copies", file["id"]), stored)])
    status, body = read(manual_hub, f"/media/{file['id']}")
    assert (status, reason in body.decode()) == (404, True), body
