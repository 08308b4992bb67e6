"""A file that the hub holds itself is handed over to the provider: nothing of it has to be reachable from outside."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from shared.channel.outbound import OutboundModule, SupportsParts
from shared.channels import ability, channel, implementation, names
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable
from tests.channels.whatsapp_evolution.samples import answer
from tests.channels.whatsapp_evolution.samples import config as evolution_config
from tests.channels.whatsapp_evolution.samples import instance as evolution_instance
from tests.documents import an_instance
from tests.stubs import Reply, Stub

PDF = b"%PDF-1.7 " + bytes(range(256))
CONFIGS: dict[str, dict[str, Any]] = {
    "discord": {"botToken": "MTk4.secret"},
    "facebook": {"pageAccessToken": "EAAB1"},
    "slack": {"botToken": "xoxb-1", "botUserId": "U0LAN0Z89"},
    "whatsapp_cloud": {"access_token": "EAAJ1", "phone_number_id": "106"},
}
TESTED_ELSEWHERE = {"telegram_bot", "email_ses", "whatsapp_web", "widget"}


def _file(deps: Deps, instance: Instance, kind: MessageKind = MessageKind.DOCUMENT) -> Attachment:
    assert deps.files is not None
    content = deps.files.put(instance.tenant_id, [PDF], limit=1000)
    return Attachment(
        type=kind, sha256=content.sha256, size=len(PDF), mime_type="application/pdf", file_name="invoice.pdf"
    )


def _send(deps: Deps, name: str, kind: MessageKind = MessageKind.DOCUMENT, text: str | None = "Here it is") -> None:
    """Send a file by the channel to somebody."""
    instance = an_instance(name)
    config = channel(name).config.model_validate(CONFIGS[name])
    payload = OutboxPayload(external_conversation_id="4567", text=text, attachments=[_file(deps, instance, kind)])
    for part in _parts(name, payload):
        implementation(name, OutboundModule[Any]).send(deps, instance, config, part)


def _parts(name: str, payload: OutboxPayload) -> list[OutboxPayload]:
    cut = ability(name, SupportsParts)
    return cut.parts(payload) if cut is not None else [payload]


def test_every_channel_that_takes_contents_is_tested() -> None:
    uploading = {name for name in names() if channel(name).capabilities.uploads}
    assert uploading == {*CONFIGS, *TESTED_ELSEWHERE, "whatsapp_evolution"}


def test_discord_gets_it_with_the_message(deps: Deps, provider: Stub) -> None:
    provider.on("POST", "/channels/4567/messages$", Reply(json={"id": "1", "channel_id": "4567"}))
    _send(deps, "discord")
    [request] = provider.requests
    assert b'name="payload_json"\r\n\r\n{"content": "Here it is"' in request.body
    head = b'name="files[0]"; filename="invoice.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    assert head + PDF + b"\r\n--" in request.body


def test_discord_takes_a_file_without_a_text(deps: Deps, provider: Stub) -> None:
    provider.on("POST", "/channels/4567/messages$", Reply(json={"id": "1", "channel_id": "4567"}))
    _send(deps, "discord", text=None)
    assert PDF in provider.requests[0].body


def test_messenger_gets_it_before_the_message_that_names_it(deps: Deps, provider: Stub) -> None:
    provider.on("POST", "/message_attachments$", Reply(json={"attachment_id": "1857777774821032"}))
    provider.on("POST", "/messages$", Reply(json={"recipient_id": "4567", "message_id": "m_1"}))
    _send(deps, "facebook")
    upload, message, text = provider.requests
    assert b'{"attachment": {"type": "file", "payload": {"is_reusable": true}}}' in upload.body
    assert b'name="filedata"; filename="invoice.pdf"\r\nContent-Type: application/pdf\r\n\r\n' + PDF in upload.body
    attachment = {"type": "file", "payload": {"attachment_id": "1857777774821032"}}
    assert message.json["message"] == {"attachment": attachment}
    assert text.json["message"] == {"text": "Here it is"}


def test_slack_gets_it_where_it_says_and_the_message_shares_it(deps: Deps, provider: Stub) -> None:
    place = {"ok": True, "upload_url": f"{provider.url}/upload/v1/ABC", "file_id": "F1"}
    shared = {"ok": True, "files": [{"id": "F1", "permalink": "https://acme.slack.com/files/U1/F1/invoice.pdf"}]}
    provider.on("GET", "/files.getUploadURLExternal", Reply(json=place))
    provider.on("POST", "/upload/v1/ABC", Reply(text="OK - 265"))
    provider.on("POST", "/files.completeUploadExternal", Reply(json=shared))
    provider.on("POST", "/chat.postMessage", Reply(json={"ok": True, "channel": "4567", "ts": "1.1"}))
    _send(deps, "slack")
    ticket, upload, completion, message = provider.requests
    assert ticket.path.endswith(f"?filename=invoice.pdf&length={len(PDF)}")
    assert (upload.body, completion.json) == (PDF, {"files": [{"id": "F1", "title": "invoice.pdf"}]})
    assert message.json["text"] == "Here it is\n<https://acme.slack.com/files/U1/F1/invoice.pdf|invoice.pdf>"


def test_slack_gets_each_file_in_a_message_of_its_own(deps: Deps) -> None:
    file, same, again = (_file(deps, an_instance("slack")) for _ in range(3))
    link = Attachment(type=MessageKind.IMAGE, url="https://cdn.example.com/cat.png")
    payload = OutboxPayload(text="Here they are", attachments=[file, link, same, again])
    assert [(part.text, len(part.attachments)) for part in _parts("slack", payload)] == [
        (None, 1),
        (None, 1),
        ("Here they are", 2),
    ]


def test_slack_is_asked_for_a_permalink_that_it_did_not_tell(deps: Deps, provider: Stub) -> None:
    provider.on(
        "GET",
        "/files.getUploadURLExternal",
        Reply(json={"ok": True, "upload_url": f"{provider.url}/upload", "file_id": "F1"}),
    )
    provider.on("POST", "/upload", Reply(text="OK"))
    provider.on("POST", "/files.completeUploadExternal", Reply(json={"ok": True, "files": [{"id": "F1"}]}))
    provider.on("GET", "/files.info", Reply(json={"ok": True, "file": {"permalink": "https://acme.slack.com/f"}}))
    provider.on("POST", "/chat.postMessage", Reply(json={"ok": True, "channel": "4567", "ts": "1.1"}))
    _send(deps, "slack")
    assert "https://acme.slack.com/f" in provider.requests[-1].json["text"]


def test_whatsapps_cloud_api_gets_it_before_the_message_that_names_it(deps: Deps, provider: Stub) -> None:
    provider.on("POST", "/106/media$", Reply(json={"id": "449"}))
    provider.on("POST", "/106/messages$", Reply(json={"messages": [{"id": "wamid.1"}]}))
    _send(deps, "whatsapp_cloud")
    upload, message = provider.requests
    assert PDF in upload.body
    assert message.json["document"] == {"id": "449", "filename": "invoice.pdf", "caption": "Here it is"}


@pytest.mark.parametrize(
    ("kind", "action", "field"),
    [(MessageKind.DOCUMENT, "sendMedia", "media"), (MessageKind.AUDIO, "sendWhatsAppAudio", "audio")],
)
def test_evolution_gets_it_as_base64(deps: Deps, provider: Stub, kind: MessageKind, action: str, field: str) -> None:
    provider.on("POST", f"^/message/{action}/", Reply(201, answer("sendText")))
    account, config = evolution_instance(), evolution_config(evolution_url=provider.url)
    payload = OutboxPayload(external_conversation_id="5511988887777", attachments=[_file(deps, account, kind)])
    [part] = _parts("whatsapp_evolution", payload)
    implementation("whatsapp_evolution", OutboundModule[Any]).send(deps, account, config, part)
    [request] = provider.requests
    assert base64.b64decode(request.json[field]) == PDF


def test_evolutions_refusal_of_a_file_sends_no_base64_as_text(deps: Deps, provider: Stub) -> None:
    refusal = {"response": {"message": ["Owned media must be a url or base64"]}}
    provider.on("POST", "^/message/", Reply(400, json=refusal))
    account, config = evolution_instance(), evolution_config(evolution_url=provider.url)
    payload = OutboxPayload(external_conversation_id="5511988887777", attachments=[_file(deps, account)])
    with pytest.raises(ProviderRejected):
        implementation("whatsapp_evolution", OutboundModule[Any]).send(deps, account, config, payload)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("name", ["facebook", "slack", "whatsapp_cloud"])
def test_an_upload_whose_outcome_nobody_knows_is_made_again_and_nothing_is_posted(
    deps: Deps, provider: Stub, name: str
) -> None:
    for method in ("GET", "POST"):
        provider.on(method, "", Reply(drop=True))
    with pytest.raises(ProviderUnavailable):
        _send(deps, name)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_a_file_that_is_no_longer_kept_is_final(deps: Deps, provider: Stub, name: str) -> None:
    instance = an_instance(name)
    config = channel(name).config.model_validate(CONFIGS[name])
    attachment = Attachment(type=MessageKind.DOCUMENT, sha256="0" * 64)
    payload = OutboxPayload(external_conversation_id="4567", attachments=[attachment])
    with pytest.raises(ProviderRejected, match="no longer kept"):
        implementation(name, OutboundModule[Any]).send(deps, instance, config, payload)
    assert provider.requests == []
