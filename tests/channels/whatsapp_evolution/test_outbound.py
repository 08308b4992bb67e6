"""What is asked of Evolution, and what its answers mean."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.whatsapp_evolution import config as config_module
from shared.channels.whatsapp_evolution import outbound
from shared.channels.whatsapp_evolution.config import EvolutionSettings
from shared.deps import Deps
from shared.documents import ids
from shared.domain.messages import Attachment, MessageKind, Span
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import HubError, ProviderRejected, ProviderUnavailable
from shared.ports.store import Create, Ref
from tests.channels.parts import send_parts
from tests.channels.whatsapp_evolution.samples import GROUP, MARIA, MARIA_LID, answer, config, instance
from tests.documents import a_message
from tests.stubs import Received, Reply, Stub

SENT_TEXT = answer("sendText")


@pytest.fixture
def evolution(provider: Stub) -> Stub:
    """A server that accepts everything, with the recorded answers of a real one."""
    for action in ("sendText", "sendWhatsAppAudio", "sendLocation", "sendReaction"):
        provider.on("POST", f"^/message/{action}/", Reply(201, answer(action)))
    provider.on("POST", "^/message/sendMedia/", Reply(201, answer("sendMedia-image")))
    return provider


def send(deps: Deps, evolution: Stub, text: str | None = None, to: str = MARIA, **payload: Any) -> Sent:
    account = config(evolution_url=evolution.url)
    message = OutboxPayload(external_conversation_id=to, text=text, **payload)
    return send_parts(outbound, message, partial(outbound.send, deps, instance(), account))


def photo(**changes: Any) -> Attachment:
    return Attachment(**({"type": MessageKind.IMAGE, "url": "https://files.example/a%20b.jpg"} | changes))


def test_text_goes_to_the_instances_own_server_with_its_key(deps: Deps, evolution: Stub) -> None:
    sent = send(deps, evolution, "oi Maria")
    (request,) = evolution.requests
    assert request.path == "/message/sendText/acme-support"
    assert request.headers["apikey"] == "K3Y"
    assert request.json == {"number": "5511988887777", "text": "oi Maria"}
    assert sent == Sent(external_message_id="3EB00F483FD615F06DF0AB")


@pytest.mark.parametrize(
    ("to", "number"),
    [
        (MARIA, "5511988887777"),
        ("5511988887777:2@s.whatsapp.net", "5511988887777"),
        ("+5511988887777", "5511988887777"),
        ("5511988887777", "5511988887777"),
        (GROUP, GROUP),
        (MARIA_LID, MARIA_LID),
    ],
)
def test_addresses_are_written_as_evolution_wants_them(deps: Deps, evolution: Stub, to: str, number: str) -> None:
    send(deps, evolution, "oi", to)
    assert evolution.requests[0].json["number"] == number


def test_an_instances_name_cannot_lead_elsewhere(deps: Deps, evolution: Stub) -> None:
    evolution.on("POST", "", Reply(201, SENT_TEXT))
    account = config(evolution_url=evolution.url, whatsapp_instance="a/../b?instanceName=other")
    outbound.send(deps, instance(), account, OutboxPayload(external_conversation_id=MARIA, text="oi"))
    assert evolution.requests[0].path == "/message/sendText/a%2F..%2Fb%3FinstanceName%3Dother"


def test_without_a_name_at_evolution_the_hubs_own_is_used(deps: Deps, evolution: Stub) -> None:
    account = config(evolution_url=evolution.url, whatsapp_instance="")
    outbound.send(deps, instance(), account, OutboxPayload(external_conversation_id=MARIA, text="oi"))
    assert evolution.requests[0].path == "/message/sendText/acme"


def test_another_address_in_the_answer_is_reported(deps: Deps, evolution: Stub) -> None:
    key = {"remoteJid": "553187654321@s.whatsapp.net", "id": "3EB0"}
    evolution.on("POST", "sendText", Reply(201, {"key": key}))
    sent = send(deps, evolution, "oi", "5531987654321")
    assert sent == Sent(external_message_id="3EB0", external_conversation_id="553187654321@s.whatsapp.net")


def test_a_reply_quotes_the_message(deps: Deps, evolution: Stub) -> None:
    send(deps, evolution, "resposta", reply_to="ACED")
    assert evolution.requests[0].json["quoted"] == {"key": {"id": "ACED"}}


def test_a_picture_carries_the_text_below_it(deps: Deps, evolution: Stub) -> None:
    send(deps, evolution, "foto", attachments=[photo(mime_type="image/jpeg", file_name="a.jpg")], reply_to="ACED")
    (request,) = evolution.requests
    assert request.path == "/message/sendMedia/acme-support"
    assert request.json == {
        "number": "5511988887777",
        "mediatype": "image",
        "media": "https://files.example/a%20b.jpg",
        "caption": "foto",
        "mimetype": "image/jpeg",
        "fileName": "a.jpg",
        "quoted": {"key": {"id": "ACED"}},
    }


def test_a_document_without_a_name_is_named_by_its_address(deps: Deps, evolution: Stub) -> None:
    send(deps, evolution, attachments=[photo(type=MessageKind.DOCUMENT)])
    request_body = evolution.requests[0].json
    assert (request_body["mediatype"], request_body["fileName"], "caption" in request_body) == (
        "document",
        "a b.jpg",
        False,
    )


def test_every_attachment_is_sent_and_the_first_carries_the_text(deps: Deps, evolution: Stub) -> None:
    sent = send(deps, evolution, "fotos", attachments=[photo(), photo(), photo()])
    assert [request.json.get("caption") for request in evolution.requests] == ["fotos", None, None]
    assert len(sent.further_ids) == 2


def test_audio_is_sent_as_a_voice_note_and_its_text_after_it(deps: Deps, evolution: Stub) -> None:
    voice = Attachment(type=MessageKind.AUDIO, url="https://files.example/a.ogg")
    sent = send(deps, evolution, "ouça", attachments=[voice])
    assert [r.path.split("/")[2] for r in evolution.requests] == ["sendWhatsAppAudio", "sendText"]
    assert evolution.requests[0].json == {"number": "5511988887777", "audio": "https://files.example/a.ogg"}
    assert sent.external_message_id == answer("sendWhatsAppAudio")["key"]["id"]


def test_a_place_is_sent_with_all_that_evolution_requires(deps: Deps, evolution: Stub) -> None:
    place = Attachment(type=MessageKind.LOCATION, latitude=-23.5, longitude=0.0, name="MASP")
    send(deps, evolution, attachments=[place])
    assert evolution.requests[0].json == {
        "number": "5511988887777",
        "latitude": -23.5,
        "longitude": 0.0,
        "name": "MASP",
        "address": "MASP",
    }


@pytest.mark.parametrize("emoji", ["👍", ""])
def test_a_reaction_names_its_target(deps: Deps, evolution: Stub, emoji: str) -> None:
    send(deps, evolution, to="5511988887777", reaction=ReactionTo(external_message_id="ACED", emoji=emoji))
    key = {"remoteJid": MARIA, "fromMe": False, "id": "ACED"}
    assert evolution.requests[0].json == {"key": key, "reaction": emoji}


def test_a_reaction_in_a_group_names_the_author_of_its_target(deps: Deps, evolution: Stub) -> None:
    written = a_message(id=ids.provider_message(instance().id, "ACED"), author_id=MARIA)
    deps.store.commit([Create(Ref("messages", written.id), written.model_dump())])
    send(deps, evolution, to=GROUP, reaction=ReactionTo(external_message_id="ACED", emoji="👍"))
    assert evolution.requests[0].json["key"]["participant"] == MARIA


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(400, answer("err-bad-media")),
        Reply(500, {"status": 500, "error": "Internal Server Error", "response": {"message": "AxiosError: 404"}}),
        Reply(400, {"status": 400, "response": {"message": ["AxiosError: getaddrinfo ENOTFOUND files.example"]}}),
    ],
    ids=["no address", "not found", "no host"],
)
def test_a_file_that_evolution_cannot_fetch_goes_as_text(deps: Deps, evolution: Stub, refusal: Reply) -> None:
    evolution.on("POST", "sendMedia", refusal)
    sent = send(deps, evolution, "foto", attachments=[photo()])
    assert evolution.requests[-1].json == {
        "number": "5511988887777",
        "text": "foto\nhttps://files.example/a%20b.jpg",
    }
    assert sent.external_message_id == SENT_TEXT["key"]["id"]
    assert sent.note == "sent as a link: the image"


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (photo(url=None), "foto"),
        (Attachment(type=MessageKind.CONTACT, name="João"), "foto\nJoão"),
        (Attachment(type=MessageKind.LOCATION, name="MASP", address="Av. Paulista"), "foto\nMASP\nAv. Paulista"),
    ],
)
def test_what_whatsapp_does_not_take_goes_as_text(
    deps: Deps, evolution: Stub, attachment: Attachment, expected: str
) -> None:
    send(deps, evolution, "foto", attachments=[attachment])
    (request,) = evolution.requests
    assert (request.path, request.json["text"]) == ("/message/sendText/acme-support", expected)


@pytest.mark.parametrize(
    "payload",
    [
        OutboxPayload(external_conversation_id=MARIA),
        OutboxPayload(external_conversation_id=MARIA, text="  "),
        OutboxPayload(external_conversation_id=MARIA, attachments=[photo(url=None)]),
        OutboxPayload(text="to nobody"),
    ],
)
def test_nothing_to_send_is_rejected_without_a_call(deps: Deps, evolution: Stub, payload: OutboxPayload) -> None:
    with pytest.raises(ProviderRejected):
        outbound.send(deps, instance(), config(evolution_url=evolution.url), payload)
    assert evolution.requests == []


def test_a_server_that_is_down_is_unavailable(deps: Deps) -> None:
    account = config(evolution_url="http://127.0.0.1:1")
    with pytest.raises(ProviderUnavailable):
        outbound.send(deps, instance(), account, OutboxPayload(external_conversation_id=MARIA, text="oi"))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"evolution_url": "", "evolution_key": "k"}, "evolution_url"),
        ({"evolution_key": ""}, "evolution_key"),
        ({"evolution_key": "ключ"}, "evolution_key"),
        ({"evolution_key": "a\nb"}, "evolution_key"),
        ({"evolution_url": "http://169.254.169.254/latest"}, "evolution_url"),
        ({"evolution_url": "http://metadata.google.internal"}, "evolution_url"),
    ],
)
def test_settings_that_cannot_work_are_named(deps: Deps, evolution: Stub, changes: dict[str, str], names: str) -> None:
    account = config(**({"evolution_url": evolution.url} | changes))
    with pytest.raises(HubError, match=names) as failed:
        outbound.send(deps, instance(), account, OutboxPayload(external_conversation_id=MARIA, text="oi"))
    assert isinstance(failed.value, ProviderRejected)
    assert evolution.requests == []


def test_the_deployments_key_never_goes_to_an_address_that_a_user_set(deps: Deps, evolution: Stub) -> None:
    settings = deps.settings.model_copy(update={"evolution_url": "https://evolution.example"})
    shared_key = config(evolution_key="SHARED").evolution_key
    account = config(evolution_url=evolution.url, evolution_key="SHARED")
    payload = OutboxPayload(external_conversation_id=MARIA, text="oi")
    operator = settings.model_copy(update={"evolution_key": shared_key})
    with pytest.raises(ProviderRejected, match="EVOLUTION_URL"):
        outbound.send(replace(deps, settings=operator), instance(), account, payload)
    assert evolution.requests == []
    own = operator.model_copy(update={"evolution_url": evolution.url})
    outbound.send(replace(deps, settings=own), instance(tenant_id=own.default_tenant_id), account, payload)
    assert evolution.requests[0].headers["apikey"] == "SHARED"


def test_on_the_deployments_server_a_tenant_sends_with_the_accounts_own_token(deps: Deps, evolution: Stub) -> None:
    shared_key = config(evolution_key="SHARED").evolution_key
    settings = deps.settings.model_copy(update={"evolution_url": evolution.url, "evolution_key": shared_key})
    account = config(evolution_url=evolution.url, evolution_key="SHARED", whatsapp_instance="somebody-elses")
    payload = OutboxPayload(external_conversation_id=MARIA, text="oi")
    with pytest.raises(ProviderRejected, match="connect the channel"):
        outbound.send(replace(deps, settings=settings), instance(), account, payload)
    assert evolution.requests == []
    own = config(**account.model_dump(exclude={"instance_token"}), instance_token="TOKEN")
    outbound.send(replace(deps, settings=settings), instance(), own, payload)
    assert evolution.requests[0].headers["apikey"] == "TOKEN"


def test_the_defaults_are_the_deployments_server(deps: Deps) -> None:
    assert config_module.defaults(deps.settings) == {"evolution_url": deps.settings.of(EvolutionSettings).evolution_url}


def test_every_call_of_a_half_sent_message_goes_to_the_same_chat(deps: Deps, evolution: Stub) -> None:
    place = Attachment(type=MessageKind.LOCATION, latitude=1, longitude=2)
    send(deps, evolution, "aqui", GROUP, attachments=[place])
    assert {numbered(request) for request in evolution.requests} == {GROUP}


def numbered(request: Received) -> str:
    return str(request.json["number"])


def test_styled_text_and_captions_are_written_in_whatsapps_notation(deps: Deps, evolution: Stub) -> None:
    bold = [Span(style="bold", start=0, end=2)]
    send(deps, evolution, "oi Maria", spans=bold)
    send(deps, evolution, "oi Maria", spans=bold, attachments=[photo()])
    assert evolution.requests[0].json["text"] == evolution.requests[1].json["caption"] == "*oi* Maria"
