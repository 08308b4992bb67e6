"""Files of messages: fetched through the hub, with the tenant's rights, under a type that does no harm."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from functions.dashboard.main import blueprints
from infra.bench.counting import CountingStore
from shared.channel.media import MAX_MEDIA
from shared.deps import Deps
from shared.domain.instances import ChannelType
from shared.domain.messages import Attachment, Message, MessageKind
from shared.errors import StoreError
from shared.ports.store import Merge
from shared.usecases.conversations.file_copying import copy_file
from shared.usecases.conversations.media import CACHED_FOR
from shared.usecases.instances import instances
from tests import refs
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.http.dialect import assert_failed
from tests.stubs import Received, Reply, Stub

Say = Callable[..., Message]

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 100
TOKEN = "7:secret-token"


@pytest.fixture
def bot(deps: Deps) -> str:
    new = instances.NewInstance(channel_type=ChannelType.TELEGRAM_BOT, name="bot", config={"bot_token": TOKEN})
    return instances.create(deps, "default", new, connect=False).id


def _serve(
    provider: Stub, content: bytes, path: str = "/pictures/cat", mime_type: str = "image/png", **more: Any
) -> str:
    provider.on("GET", path, Reply(content=content, headers={"content-type": mime_type}, **more))
    return f"{provider.url}{path}"


def _picture(say: Say, bot: str, **fields: Any) -> str:
    attachment = {"type": MessageKind.IMAGE, "mime_type": "image/png"} | fields
    say("sess", "m1", instance_id=bot, attachments=[Attachment(**attachment)])
    return "/media/m1-0"


def _telegram(provider: Stub, content: bytes = PNG) -> None:
    file_info = {"ok": True, "result": {"file_id": "F", "file_path": "photos/file 1.png"}}
    provider.on("POST", rf"/bot{TOKEN}/getFile", Reply(json=file_info))
    _serve(provider, content, rf"/file/bot{TOKEN}/photos/file%201.png", "application/octet-stream")


def _served(answer: TestResponse) -> tuple[int, str | None, str]:
    how = answer.headers.get("Content-Disposition", "").partition(";")[0]
    return answer.status_code, answer.mimetype, how


def test_a_telegram_file_comes_through_the_hub_and_the_token_stays(
    client: FlaskClient, provider: Stub, say: Say, bot: str
) -> None:
    _telegram(provider)
    path = _picture(say, bot, file_name="my cat.png", extra={"file_id": "F"})
    answer = client.get(path)
    assert _served(answer) == (200, "image/png", "inline")
    assert answer.data == PNG
    assert answer.headers["Content-Disposition"] == "inline; filename*=UTF-8''my%20cat.png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "private" in answer.headers["Cache-Control"]
    assert "secret" not in str(answer.headers)
    assert provider.to("/getFile")[0].json == {"file_id": "F"}


def test_an_evolution_file_is_decrypted_there(client: FlaskClient, deps: Deps, provider: Stub, say: Say) -> None:
    new = instances.NewInstance(
        channel_type=ChannelType.WHATSAPP, name="wa", config={"evolution_url": provider.url, "evolution_key": "key"}
    )
    wa = instances.create(deps, "default", new, connect=False).id
    body: dict[str, Any] = {"mediaType": "imageMessage", "fileName": "cat.png", "mimetype": "image/png"}
    body |= {"base64": base64.b64encode(PNG).decode(), "buffer": None}
    provider.on("POST", "/chat/getBase64FromMediaMessage/wa", Reply(201, json=body))
    picture = Attachment(type=MessageKind.IMAGE, extra={"encrypted_url": "https://mmg.whatsapp.net/x"})
    say("sess", "m1", instance_id=wa, external_message_id="3EB0", attachments=[picture])
    answer = client.get("/media/m1-0")
    assert (_served(answer), answer.data) == ((200, "image/png", "inline"), PNG)
    [request] = provider.to("/chat/getBase64FromMediaMessage/wa")
    assert request.json == {"message": {"key": {"id": "3EB0"}}, "convertToMp4": False}


KEYS = {"media_key": "a2V5", "sha256": "c3Vt", "encrypted_sha256": "ZW5j", "direct_path": "/v/t62/x.enc"}


@pytest.mark.parametrize("is_known_by_id", [False, True])
def test_an_evolution_that_has_forgotten_a_message_is_given_its_keys(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, is_known_by_id: bool
) -> None:
    new = instances.NewInstance(
        channel_type=ChannelType.WHATSAPP, name="wa", config={"evolution_url": provider.url, "evolution_key": "key"}
    )
    wa = instances.create(deps, "default", new, connect=False).id

    def give(request: Received) -> Reply:
        if ("message" in request.json["message"]) is is_known_by_id:
            return Reply(400, {"response": {"message": ["Failed to fetch stream"]}})
        return Reply(201, {"mimetype": "audio/ogg", "base64": base64.b64encode(PNG).decode()})

    provider.on("POST", "/chat/getBase64FromMediaMessage/wa", give)
    recording = Attachment(type=MessageKind.AUDIO, mime_type="audio/ogg", size=1980, extra=KEYS)
    say(
        "sess",
        "m1",
        instance_id=wa,
        external_message_id="3EB0",
        attachments=[recording],
        author_phone="+5511988887777",
    )
    assert client.get("/media/m1-0").data == PNG
    message = provider.to("/chat/getBase64FromMediaMessage/wa")[0].json["message"]
    assert message["key"] == {"id": "3EB0", "fromMe": False, "remoteJid": "5511988887777@s.whatsapp.net"}
    assert message["message"]["audioMessage"] == {
        "directPath": "/v/t62/x.enc",
        "mediaKey": "a2V5",
        "mimetype": "audio/ogg",
        "fileLength": 1980,
        "fileSha256": "c3Vt",
        "fileEncSha256": "ZW5j",
    }


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Reply(400, json={"response": {"message": ["Message not found"]}}), 502),
        (Reply(201, json={"base64": "no base64!"}), 502),
        (Reply(201, json={}), 502),
        (Reply(201, text="nonsense"), 502),
        (Reply(500, json={"response": {"message": "Connection Closed"}}), 503),
        (Reply(drop=True), 502),
    ],
)
def test_what_evolution_cannot_give_is_told(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, answer: Reply, status: int
) -> None:
    new = instances.NewInstance(
        channel_type=ChannelType.WHATSAPP, name="wa", config={"evolution_url": provider.url, "evolution_key": "key"}
    )
    wa = instances.create(deps, "default", new, connect=False).id
    provider.on("POST", "/chat/getBase64FromMediaMessage/wa", answer)
    picture = Attachment(type=MessageKind.IMAGE)
    say("sess", "m1", instance_id=wa, external_message_id="3EB0", attachments=[picture])
    assert client.get("/media/m1-0").status_code == status


def test_a_file_with_an_address_is_fetched_from_there(client: FlaskClient, provider: Stub, say: Say, bot: str) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG), mime_type=None)
    assert (_served(client.get(path)), client.get(path).data) == ((200, "image/png", "inline"), PNG)


def test_a_file_is_fetched_once_a_day(deps: Deps, client: FlaskClient, provider: Stub, say: Say, bot: str) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG))
    assert [client.get(path).data for _ in range(3)] == [PNG] * 3
    assert len(provider.to("/pictures/cat")) == 1
    [cached_file] = (deps.settings.data_dir / "blobs").iterdir()
    assert cached_file.stat().st_mode & 0o077 == 0
    cached_file.write_bytes(b"broken")
    assert client.get(path).data == PNG
    assert len(provider.to("/pictures/cat")) == 2
    assert timedelta(hours=1) < CACHED_FOR <= timedelta(days=1)


def test_the_file_that_an_edit_puts_there_is_not_the_cached_one(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG))
    assert client.get(path).data == PNG
    dog = Attachment(type=MessageKind.IMAGE, url=_serve(provider, PNG + b"dog", "/pictures/dog"))
    deps.store.commit([Merge(refs.message("m1"), {"attachments": [dog.model_dump()]})])
    assert client.get(path).data == PNG + b"dog"


class BrokenBlobs:
    def put(self, *args: object) -> None:
        raise StoreError("the disk is full")

    def get(self, key: str) -> None:
        raise StoreError("the disk is gone")

    def delete(self, key: str) -> None:
        raise StoreError("the disk is gone")

    def close(self) -> None:
        pass


def test_without_a_working_cache_the_file_comes_all_the_same(deps: Deps, provider: Stub, say: Say, bot: str) -> None:
    client = create_app(replace(deps, blobs=BrokenBlobs()), blueprints()).test_client()
    path = _picture(say, bot, url=_serve(provider, PNG))
    assert client.get(path).data == PNG


@pytest.mark.parametrize(
    ("declared", "content", "served"),
    [
        ("image/png", PNG, ("image/png", "inline")),
        ("image/jpeg", PNG, ("image/png", "inline")),
        ("image/png", b"<script>alert(1)</script>", ("application/octet-stream", "attachment")),
        ("image/svg+xml", b"<svg onload='alert(1)'/>", ("application/octet-stream", "attachment")),
        ("text/html", b"<script>alert(1)</script>", ("application/octet-stream", "attachment")),
        ("TEXT/HTML; charset=utf-8", b"<p>", ("application/octet-stream", "attachment")),
        ("application/xhtml+xml", b"<p>", ("application/octet-stream", "attachment")),
        ("text/javascript", b"alert(1)", ("application/octet-stream", "attachment")),
        ("application/pdf", b"%PDF-1.7 x", ("application/pdf", "attachment")),
        ("application/pdf", b"<html>", ("application/octet-stream", "attachment")),
        ("audio/ogg; codecs=opus", b"OggS1234", ("audio/ogg", "inline")),
        ("video/mp4", b"\0\0\0 ftypisom", ("video/mp4", "inline")),
        ("text/plain", b"hello", ("text/plain", "attachment")),
        ("no type\r\nX-Evil: 1", b"OggS1234", ("audio/ogg", "inline")),
        (None, b"hello", ("application/octet-stream", "attachment")),
    ],
)
def test_no_file_is_served_as_something_that_runs(
    client: FlaskClient,
    provider: Stub,
    say: Say,
    bot: str,
    declared: str | None,
    content: bytes,
    served: tuple[str, str],
) -> None:
    path = _picture(say, bot, url=_serve(provider, content, mime_type=""), mime_type=declared)
    answer = client.get(path)
    assert _served(answer) == (200, *served)
    assert answer.data == content


@pytest.mark.parametrize(
    "name", ['a"b.png', "ä\u2028ö.png", "a\r\nX-Evil: 1.png", "../../etc/passwd", "x" * 300], ids=lambda name: name[:5]
)
def test_a_file_name_cannot_break_out_of_its_header(
    client: FlaskClient, provider: Stub, say: Say, bot: str, name: str
) -> None:
    answer = client.get(_picture(say, bot, url=_serve(provider, PNG), file_name=name))
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers
    assert not {'"', "/", "\r", "\n"} & set(answer.headers["Content-Disposition"])


def test_a_part_of_a_file_and_an_unchanged_one(client: FlaskClient, provider: Stub, say: Say, bot: str) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG))
    part = client.get(path, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.data) == (206, b"PNG")
    assert part.headers["Content-Range"] == f"bytes 1-3/{len(PNG)}"
    assert_failed(client.get(path, headers={"Range": "bytes=99999-"}), 416, "requested_range_not_satisfiable")
    etag = part.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_a_file_that_is_too_large_is_refused(client: FlaskClient, provider: Stub, say: Say, bot: str) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG), size=MAX_MEDIA + 1)
    assert "25 MB" in assert_failed(client.get(path), 413, "too_large")
    assert provider.to("/pictures/cat") == []
    say("sess", "m2", instance_id=bot, attachments=[Attachment(type=MessageKind.VIDEO, url=f"{provider.url}/huge")])
    _serve(provider, b"\0" * (MAX_MEDIA + 1), "/huge", "video/mp4")
    assert str(MAX_MEDIA) in assert_failed(client.get("/media/m2-0"), 502, "provider_error")


def test_a_file_that_is_said_to_be_too_large_is_not_asked_for(
    client: FlaskClient, provider: Stub, say: Say, bot: str
) -> None:
    url = _serve(provider, PNG)
    path = _picture(say, bot, url=url, size=MAX_MEDIA + 1)
    assert client.get(path).status_code == 413
    assert provider.requests == []


def test_a_file_of_a_channel_that_gives_none_is_not_there(client: FlaskClient, deps: Deps, say: Say) -> None:
    new = instances.NewInstance(channel_type=ChannelType.WIDGET, name="web")
    widget = instances.create(deps, "default", new, connect=False).id
    answer = client.get(_picture(say, widget, external_id="F"))
    assert answer.status_code == 404
    assert "cannot be fetched" in answer.get_json()["detail"]


@pytest.mark.parametrize("status", [301, 403, 404, 410, 500])
def test_a_file_that_its_source_does_not_give_is_told(
    client: FlaskClient, provider: Stub, say: Say, bot: str, status: int
) -> None:
    path = _picture(say, bot, url=_serve(provider, b"<h1>Gone</h1>", mime_type="text/html", status=status))
    assert str(status) in assert_failed(client.get(path), 502, "provider_rejected")


def test_a_source_that_hangs_up_is_told_without_its_address(
    client: FlaskClient, provider: Stub, say: Say, bot: str, caplog: pytest.LogCaptureFixture
) -> None:
    file_info = {"ok": True, "result": {"file_path": "photos/1.png"}}
    provider.on("POST", r"/bot[^/]+/getFile", Reply(json=file_info))
    provider.on("GET", r"/file/", Reply(drop=True))
    answer = client.get(_picture(say, bot, extra={"file_id": "F"}))
    assert_failed(answer, 502, "provider_error")
    assert "secret" not in answer.text + caplog.text


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "file:///etc/passwd", "http://metadata.google.internal/"]
)
def test_an_address_that_is_never_called_is_not_called(client: FlaskClient, say: Say, bot: str, url: str) -> None:
    assert_failed(client.get(_picture(say, bot, url=url)), 502, "provider_rejected")


@pytest.mark.parametrize(
    "file",
    [{"file_id": "F"}, {}, {"file_id": 7}],
    ids=["refused", "without a file id", "with an odd file id"],
)
def test_what_telegram_does_not_know_is_told(
    client: FlaskClient, provider: Stub, say: Say, bot: str, file: dict[str, Any]
) -> None:
    refusal = {"ok": False, "error_code": 400, "description": "Bad Request: file is too big"}
    provider.on("POST", r"/bot[^/]+/getFile", Reply(400, json=refusal))
    answer = client.get(_picture(say, bot, extra=file))
    if file == {"file_id": "F"}:
        assert "file is too big" in assert_failed(answer, 502, "provider_rejected")
    else:
        assert_failed(answer, 404, "not_found")


@pytest.mark.parametrize(
    "media_id",
    ["m1-1", "m1-", "m1", "m1--1", "m1-00", "m1-\u0660", "m1-99999999999", "-0", "nothing-0", "m1-0-0", "a%2Fb-0"],
)
def test_what_is_no_file_is_404(client: FlaskClient, provider: Stub, say: Say, bot: str, media_id: str) -> None:
    _picture(say, bot, url=_serve(provider, PNG))
    assert client.get(f"/media/{media_id}").status_code == 404


def test_a_place_a_deleted_message_and_a_channel_that_is_gone_have_no_file(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    place = Attachment(type=MessageKind.LOCATION, latitude=1, longitude=2)
    picture = Attachment(type=MessageKind.IMAGE, url=_serve(provider, PNG))
    say("sess", "m1", instance_id=bot, attachments=[place])
    say("sess", "m2", instance_id="gone", attachments=[picture])
    say("sess", "m3", instance_id=bot, attachments=[picture], deleted_at=deps.now())
    for media_id in ("m1-0", "m2-0", "m3-0"):
        assert_failed(client.get(f"/media/{media_id}"), 404, "not_found")


def test_a_foreign_file_looks_like_one_that_does_not_exist(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG))
    assert client.get(path).status_code == 200
    assert_failed(client.get(path, headers=key_for(deps, "other")), 404, "not_found")
    deps.store.commit([Merge(refs.message("note"), {"alias_of": "m1"})])
    assert_failed(client.get("/media/note-0"), 404, "not_found")


def _link(client: FlaskClient, path: str, expires_in: int = 60) -> dict[str, Any]:
    answer = client.post(f"{path}/links", json={"expires_in": expires_in})
    assert answer.status_code == 201, answer.text
    link: dict[str, Any] = answer.get_json()
    address = urlsplit(link["url"])
    return link | {"path": f"{address.path}?{address.query}"}


def _stranger(deps: Deps) -> FlaskClient:
    """Whom no door lets in that wants a credential."""
    settings = deps.settings.model_copy(update={"api_key": SecretStr("k" * 32)})
    return create_app(replace(deps, settings=settings), blueprints()).test_client()


def test_whoever_has_a_link_gets_the_file(client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG))
    link = _link(client, path)
    stranger = _stranger(deps)
    assert stranger.get(path).status_code == 401
    answer = stranger.get(link["path"])
    assert (_served(answer), answer.data) == ((200, "image/png", "inline"), PNG)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] in {"private, max-age=60", "private, max-age=59"}
    assert stranger.get(link["path"], headers={"Range": "bytes=1-3"}).data == b"PNG"


def test_a_link_works_until_its_time_is_over(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    link = _link(client, _picture(say, bot, url=_serve(provider, PNG)), expires_in=60)
    for seconds, status in ((55, 200), (61, 401)):
        later = replace(deps, now=lambda after=seconds: deps.now() + timedelta(seconds=after))  # type: ignore[misc]
        assert _stranger(later).get(link["path"]).status_code == status


def test_a_link_opens_one_file_only(client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str) -> None:
    link = _link(client, _picture(say, bot, url=_serve(provider, PNG)))
    say("sess", "m2", instance_id=bot, attachments=[Attachment(type=MessageKind.IMAGE, url=f"{provider.url}/x")])
    _link(client, "/media/m2-0")
    stranger, expires = _stranger(deps), int(datetime.fromisoformat(link["expires_at"]).timestamp())
    wrong = [
        link["path"].replace("m1-0", "m2-0"),
        link["path"].replace("m1-0", "nothing-0"),
        link["path"].replace("copy=", "copy=x"),
        link["path"].replace(f"expires={expires}", f"expires={expires + 1}"),
        link["path"][:-1] + ("0" if link["path"][-1] != "0" else "1"),
    ]
    for path in wrong:
        assert path != link["path"]
        assert_failed(stranger.get(path), 401, "unauthorized")


def test_the_signature_of_a_link_is_checked_before_its_message_is_read(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    link = _link(client, _picture(say, bot, url=_serve(provider, PNG)))
    store = CountingStore(deps.store)
    forged = link["path"][:-1] + ("0" if link["path"][-1] != "0" else "1")
    assert_failed(_stranger(replace(deps, store=store)).get(forged), 401, "unauthorized")
    assert store.spent.documents_read == 1, "the key"


def test_a_link_ends_with_its_message(client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str) -> None:
    link = _link(client, _picture(say, bot, url=_serve(provider, PNG)))
    deps.store.commit([Merge(refs.message("m1"), {"deleted_at": deps.now()})])
    assert_failed(_stranger(deps).get(link["path"]), 401, "unauthorized")


def test_nobody_makes_a_link_to_what_they_may_not_read(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG))
    foreign = client.post(f"{path}/links", json={}, headers=key_for(deps, "other"))
    assert_failed(foreign, 404, "not_found")
    assert _stranger(deps).post(f"{path}/links", json={}).status_code == 401
    for seconds in (0, 8 * 86400):
        assert client.post(f"{path}/links", json={"expires_in": seconds}).status_code == 400


def test_a_link_tells_what_is_known_of_the_copy(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG, mime_type="image/jpeg"), mime_type=None)
    assert (_link(client, path)["state"], _link(client, path).get("sha256")) == ("pending", None)
    [copy] = deps.store.find("file_copies").documents
    copy_file(deps, "default", copy.ref.id)
    link = _link(client, path)
    assert (link["state"], link["mime_type"], link["size"]) == ("stored", "image/png", len(PNG))
    assert link["sha256"] == hashlib.sha256(PNG).hexdigest()


def test_a_copy_is_served_before_the_provider_is_asked(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG), file_name="cat.png")
    _link(client, path)
    [copy] = deps.store.find("file_copies").documents
    copy_file(deps, "default", copy.ref.id)
    answer = client.get(path)
    assert (_served(answer), answer.data) == ((200, "image/png", "inline"), PNG)
    assert answer.headers["Content-Disposition"].endswith("cat.png")
    assert len(provider.to("/pictures/cat")) == 1, "for the copy"


def test_a_copy_that_cannot_be_read_is_no_reason_to_serve_nothing(
    client: FlaskClient, deps: Deps, provider: Stub, say: Say, bot: str
) -> None:
    path = _picture(say, bot, url=_serve(provider, PNG))
    _link(client, path)
    [copy] = deps.store.find("file_copies").documents
    copy_file(deps, "default", copy.ref.id)
    assert deps.files is not None
    deps.files.delete("default", hashlib.sha256(PNG).hexdigest())
    assert client.get(path).data == PNG


def test_the_list_of_messages_tells_the_files_ids(client: FlaskClient, converse: Any, say: Say, bot: str) -> None:
    converse("sess")
    place = Attachment(type=MessageKind.LOCATION, latitude=1, longitude=2)
    picture = Attachment(type=MessageKind.IMAGE, extra={"file_id": "F"})
    say("sess", "m1", instance_id=bot, attachments=[place, picture])
    page: Any = client.get("/messages/sess").json
    assert page["messages"][0]["attachments"] == [
        {"type": "location", "latitude": 1.0, "longitude": 2.0},
        {"type": "image", "media_id": "m1-1"},
    ]
