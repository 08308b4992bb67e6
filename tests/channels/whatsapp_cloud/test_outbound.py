"""What the Cloud API is asked to send, and what becomes of its refusals."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.whatsapp_cloud import outbound
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, Span
from shared.domain.outbox import Choice, OutboxPayload, ReactionTo, Template
from shared.domain.templates import Filling
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from tests.channels.parts import send_parts
from tests.stubs import Reply, Stub

TOKEN = "EAAJsecrettoken"
NUMBER = "106540352242922"
PERSON = "16505551234"
FRAME = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": PERSON}
SENT = Reply(
    json={
        "messaging_product": "whatsapp",
        "contacts": [{"input": PERSON, "wa_id": PERSON}],
        "messages": [{"id": "wamid.1"}],
    }
)


def error(code: int, status: int = 400, details: str = "", **headers: str) -> Reply:
    about = {"message": f"(#{code}) No.", "type": "OAuthException", "code": code, "fbtrace_id": "B"}
    if details:
        about["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return Reply(status, {"error": about}, headers=headers)


def send(deps: Deps, instance: Instance, payload: OutboxPayload, **more: Any) -> Sent:
    config = CloudConfig.model_validate({"access_token": TOKEN, "phone_number_id": NUMBER} | more)
    return send_parts(outbound, payload, partial(outbound.send, deps, instance, config))


def to_person(text: str | None = None, *attachments: Attachment, **more: Any) -> OutboxPayload:
    return OutboxPayload(external_user_id=PERSON, text=text, attachments=list(attachments), **more)


def bodies(provider: Stub) -> list[Any]:
    return [request.json for request in provider.to("/messages")]


@pytest.fixture
def provider(provider: Stub) -> Stub:
    """A server that accepts every message and every file."""
    provider.on("POST", rf"^/v23\.0/{NUMBER}/messages", SENT)
    provider.on("POST", rf"^/v23\.0/{NUMBER}/media", Reply(json={"id": "4490709327384033"}))
    provider.on("GET", "^/files/", Reply(content=b"bytes", headers={"content-type": "image/png"}))
    return provider


def test_text_is_sent_from_the_number_with_the_token_in_a_header(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    assert send(deps, instance, to_person("hello")) == Sent(external_message_id="wamid.1")
    request = provider.requests[0]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in request.path
    assert request.json == FRAME | {"type": "text", "text": {"body": "hello", "preview_url": False}}


def test_answer_quotes_the_message(deps: Deps, instance: Instance, provider: Stub) -> None:
    send(deps, instance, to_person("hello", reply_to="wamid.in"))
    assert bodies(provider)[0]["context"] == {"message_id": "wamid.in"}


def test_group_is_addressed_as_such(deps: Deps, instance: Instance, provider: Stub) -> None:
    send(deps, instance, to_person("hello", context={"group": True}))
    assert bodies(provider)[0]["recipient_type"] == "group"


def test_template_goes_out_alone_with_its_parameters(deps: Deps, instance: Instance, provider: Stub) -> None:
    template = Template(name="order_shipped", language="en_US", parameters=["Ann", "42"])
    send(deps, instance, to_person("Hello Ann, order 42 is on its way", template=template))
    parameters = [{"type": "text", "text": "Ann"}, {"type": "text", "text": "42"}]
    assert bodies(provider) == [
        FRAME
        | {
            "type": "template",
            "template": {
                "name": "order_shipped",
                "language": {"code": "en_US"},
                "components": [{"type": "body", "parameters": parameters}],
            },
        }
    ]


@pytest.mark.parametrize(
    ("header", "wire"),
    [
        ({"type": "text", "text": "Ann"}, {"type": "text", "text": "Ann"}),
        ({"type": "image", "link": "https://x.example/a"}, {"type": "image", "image": {"link": "https://x.example/a"}}),
        ({"type": "video", "link": "https://x.example/v"}, {"type": "video", "video": {"link": "https://x.example/v"}}),
        (
            {"type": "document", "link": "https://x.example/d", "filename": "Invoice.pdf"},
            {"type": "document", "document": {"link": "https://x.example/d", "filename": "Invoice.pdf"}},
        ),
    ],
)
def test_templates_header_and_buttons_are_filled_beside_its_text(
    deps: Deps, instance: Instance, provider: Stub, header: dict[str, Any], wire: dict[str, Any]
) -> None:
    buttons = [
        {"type": "url", "index": 0, "text": "orders/42"},
        {"type": "quick_reply", "index": 1, "payload": "stop-42"},
    ]
    filling = Filling.model_validate({"header": header, "buttons": buttons}).stored()
    template = Template(name="order_shipped", language="en_US", parameters=["42"], **filling)
    send(deps, instance, to_person(template=template))
    assert bodies(provider)[0]["template"]["components"] == [
        {"type": "header", "parameters": [wire]},
        {"type": "body", "parameters": [{"type": "text", "text": "42"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "orders/42"}]},
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "1",
            "parameters": [{"type": "payload", "payload": "stop-42"}],
        },
    ]


def test_styled_text_is_written_in_whatsapps_notation(deps: Deps, instance: Instance, provider: Stub) -> None:
    send(deps, instance, to_person("hello Ann", spans=[Span(style="bold", start=6, end=9)]))
    assert bodies(provider)[0]["text"]["body"] == "hello *Ann*"


def test_template_without_parameters_has_no_components(deps: Deps, instance: Instance, provider: Stub) -> None:
    send(deps, instance, to_person(template=Template(name="hello_world", language="en_US")))
    assert bodies(provider)[0]["template"] == {"name": "hello_world", "language": {"code": "en_US"}}


def test_reaction_and_its_end(deps: Deps, instance: Instance, provider: Stub) -> None:
    for emoji in ("👍", ""):
        send(deps, instance, to_person(reaction=ReactionTo(external_message_id="wamid.in", emoji=emoji)))
    assert [body["reaction"] for body in bodies(provider)] == [
        {"message_id": "wamid.in", "emoji": "👍"},
        {"message_id": "wamid.in", "emoji": ""},
    ]


def test_up_to_three_choices_are_buttons(deps: Deps, instance: Instance, provider: Stub) -> None:
    choices = [Choice(id="y", title="Yes"), Choice(id="n", title="No")]
    send(deps, instance, to_person("Sure?", choices=choices))
    assert bodies(provider)[0]["interactive"] == {
        "type": "button",
        "body": {"text": "Sure?"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "y", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "n", "title": "No"}},
            ]
        },
    }


@pytest.mark.parametrize(
    "choices",
    [
        [Choice(id=str(n), title=f"Number {n}") for n in range(4)],
        [Choice(id="1", title="One", description="the first")],
    ],
    ids=["four", "described"],
)
def test_more_or_described_choices_are_a_list(
    deps: Deps, instance: Instance, provider: Stub, choices: list[Choice]
) -> None:
    send(deps, instance, to_person("Which?", choices=choices))
    interactive = bodies(provider)[0]["interactive"]
    assert interactive["type"] == "list"
    assert interactive["action"]["sections"] == [{"rows": [choice.model_dump(exclude_none=True) for choice in choices]}]


def test_place(deps: Deps, instance: Instance, provider: Stub) -> None:
    spot = Attachment(type=MessageKind.LOCATION, latitude=52.5, longitude=13.4, name="Shop")
    send(deps, instance, to_person(None, spot))
    assert bodies(provider)[0]["location"] == {"latitude": 52.5, "longitude": 13.4, "name": "Shop"}


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (MessageKind.IMAGE, "image"),
        (MessageKind.VIDEO, "video"),
        (MessageKind.DOCUMENT, "document"),
    ],
)
def test_file_is_uploaded_and_sent_by_id_with_its_caption(
    deps: Deps, instance: Instance, provider: Stub, kind: MessageKind, named: str
) -> None:
    url = f"{provider.url}/files/a"
    send(deps, instance, to_person("look", Attachment(type=kind, url=url, file_name="a b.png")))
    upload = provider.to("/media")[0]
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="messaging_product"\r\n\r\nwhatsapp\r\n' in upload.body
    assert b'filename="a b.png"\r\nContent-Type: image/png\r\n\r\nbytes\r\n--' in upload.body
    [body] = bodies(provider)
    assert body["type"] == named
    assert {"id": "4490709327384033", "caption": "look"}.items() <= body[named].items()


def test_file_that_meta_has_is_sent_by_its_id(deps: Deps, instance: Instance, provider: Stub) -> None:
    send(deps, instance, to_person(None, Attachment(type=MessageKind.STICKER, extra={"media_id": "77"})))
    assert bodies(provider) == [FRAME | {"type": "sticker", "sticker": {"id": "77"}}]
    assert provider.to("/media") == []


def test_file_that_the_hub_cannot_get_goes_as_a_link(deps: Deps, instance: Instance, provider: Stub) -> None:
    url = f"{provider.url}/gone"
    send(deps, instance, to_person(None, Attachment(type=MessageKind.IMAGE, url=url)))
    assert bodies(provider)[0]["image"] == {"link": url}


def test_file_that_meta_cannot_use_becomes_a_link_in_the_text(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", error(131053), times=1)
    url = f"{provider.url}/files/a"
    send(deps, instance, to_person("look", Attachment(type=MessageKind.IMAGE, url=url)))
    assert bodies(provider)[1]["text"]["body"] == f"look\n{url}"


@pytest.mark.parametrize("text", ["look", "x" * 1025], ids=["audio takes none", "too long"])
def test_text_that_the_file_cannot_carry_follows_it(deps: Deps, instance: Instance, provider: Stub, text: str) -> None:
    kind = MessageKind.AUDIO if text == "look" else MessageKind.IMAGE
    send(deps, instance, to_person(text, Attachment(type=kind, url=f"{provider.url}/files/a")))
    first, second = bodies(provider)
    assert "caption" not in first[first["type"]]
    assert second["text"]["body"] == text


@pytest.mark.parametrize("failure", [Reply(drop=True), error(131016, 500)])
def test_failed_upload_has_sent_nothing_and_is_tried_again(
    deps: Deps, instance: Instance, provider: Stub, failure: Reply
) -> None:
    provider.on("POST", "/media", failure)
    with pytest.raises(ProviderUnavailable):
        send(deps, instance, to_person(None, Attachment(type=MessageKind.IMAGE, url=f"{provider.url}/files/a")))
    assert bodies(provider) == []


def test_latest_message_of_the_customer_is_marked_as_read(deps: Deps, instance: Instance, provider: Stub) -> None:
    send(deps, instance, to_person("hello", context={"last_message_id": "wamid.in"}))
    assert bodies(provider)[1] == {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.in"}


@pytest.mark.parametrize("failure", [error(131009), Reply(drop=True), error(131000, 500)])
def test_answer_does_not_depend_on_the_mark(deps: Deps, instance: Instance, provider: Stub, failure: Reply) -> None:
    provider.on("POST", "/messages", failure)
    provider.on("POST", "/messages", SENT, times=1)
    payload = to_person("hello", context={"last_message_id": "wamid.in"})
    assert send(deps, instance, payload).external_message_id == "wamid.1"


def test_mark_can_be_left_out(deps: Deps, instance: Instance, provider: Stub) -> None:
    send(deps, instance, to_person("hello", context={"last_message_id": "wamid.in"}), mark_read=False)
    assert len(bodies(provider)) == 1


def test_message_that_meta_holds_back_says_so(deps: Deps, instance: Instance, provider: Stub) -> None:
    response = {"messages": [{"id": "wamid.1", "message_status": "held_for_quality_assessment"}]}
    provider.on("POST", "/messages", Reply(json=response))
    note = send(deps, instance, to_person(template=Template(name="sale", language="en"))).note
    assert note == "Meta has not sent it yet: held_for_quality_assessment"


def test_closed_window_is_final_with_its_own_reason(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", error(131047, details="more than 24 hours"))
    with pytest.raises(ProviderRejected) as refused:
        send(deps, instance, to_person("hello"))
    assert refused.value.reason == "outside_window"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *[(131026, 400), (131030, 400), (131031, 403), (190, 401), (10, 403), (100, 400), (131049, 400), (132001, 404)],
        *[(131048, 429), (131051, 501), (131045, 500), (130472, 500), (133010, 400), (270, 403), (368, 403)],
    ],
)
def test_final_refusals(deps: Deps, instance: Instance, provider: Stub, code: int, status: int) -> None:
    provider.on("POST", "/messages", error(code, status, details="because"))
    with pytest.raises(ProviderRejected, match=rf"because.*error {code}"):
        send(deps, instance, to_person("hello"))


@pytest.mark.parametrize(
    ("code", "status", "pause"),
    [
        *[(130429, 429, 5.0), (80007, 400, 5.0), (4, 400, 5.0), (131056, 400, None), (131016, 500, None)],
        *[(2, 503, None), (131000, 500, None), (133004, 503, None), (999999, 503, None)],
    ],
)
def test_passing_refusals_and_whether_the_number_rests(
    deps: Deps, instance: Instance, provider: Stub, code: int, status: int, pause: float | None
) -> None:
    provider.on("POST", "/messages", error(code, status))
    with pytest.raises(ProviderUnavailable) as refused:
        send(deps, instance, to_person("hello"))
    assert refused.value.retry_after == pause


def test_retry_after_is_obeyed(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", error(130429, 429, **{"Retry-After": "17"}))
    with pytest.raises(ProviderUnavailable) as refused:
        send(deps, instance, to_person("hello"))
    assert refused.value.retry_after == 17


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(text="<html>"), Reply(json=[])])
def test_unreadable_or_missing_answer_leaves_the_outcome_unknown(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply
) -> None:
    provider.on("POST", "/messages", reply)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance, to_person("hello"))


def test_nothing_to_send_is_refused(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="neither a text nor a file"):
        send(deps, instance, to_person(None))


def test_token_is_in_no_error(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", Reply(400, {"error": {"message": f"Malformed access token {TOKEN}", "code": 190}}))
    with pytest.raises(ProviderError) as refused:
        send(deps, instance, to_person("hello"))
    assert TOKEN not in str(refused.value)
    assert "config.accessToken" in str(refused.value)
