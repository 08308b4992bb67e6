"""The way to the real Telegram, without one: what telethon is given, and what becomes of its answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from telethon import errors
from telethon.crypto import AuthKey
from telethon.sessions import StringSession
from telethon.tl import functions, types

from shared.channel.connection import Listener, SessionEnded
from shared.channelkit.entities import Entity
from shared.channels.telegram_user.gateway import FileRefused, Post
from shared.channels.telegram_user.inbound import parse
from shared.channels.telegram_user.telethon_errors import ended, login_errors, sending_errors
from shared.channels.telegram_user.telethon_gateway import TelethonGateway
from shared.channels.telegram_user.telethon_line import TelethonLine, _restore, _saved
from shared.channels.telegram_user.telethon_requests import posted, request_for
from shared.channels.telegram_user.telethon_updates import deleted, message_update, typing
from shared.domain.inbound import CustomerTyping, MessageDeleted, MessageEdited, MessageReceived
from shared.domain.messages import MessageKind
from shared.errors import BadRequest, HubError, ProviderRejected, ProviderUnavailable, TooManyRequests

MOMENT = datetime(2026, 11, 21, 10, tzinfo=UTC)


def _login(error: Exception) -> HubError:
    with pytest.raises(HubError) as caught, login_errors():
        raise error
    return caught.value


def _sending(error: Exception) -> HubError:
    with pytest.raises(HubError) as caught, sending_errors():
        raise error
    return caught.value


def test_the_gateway_makes_a_client_of_a_session_that_another_process_saved() -> None:
    session = StringSession()
    session.set_dc(4, "149.154.167.91", 443)
    session.auth_key = AuthKey(bytes(range(256)))

    async def client_state() -> Any:
        client = TelethonGateway(1, "hash").client(session.save(), receive_updates=False)
        return client.session.save(), client.session.dc_id, client.flood_sleep_threshold

    assert asyncio.run(client_state()) == (session.save(), 4, 0)


def test_a_line_can_be_made_and_left_without_a_network() -> None:
    async def open_and_abandon() -> bool:
        gateway = TelethonGateway(1, "hash")
        listener = Listener(lambda update: None, lambda final, why: None)
        line = TelethonLine(lambda **options: gateway.client("", **options), None, listener)
        await line.abandon()
        return True

    assert asyncio.run(open_and_abandon())


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (errors.PhoneNumberInvalidError(None), "phone"),
        (errors.PhoneNumberBannedError(None), "phone"),
        (errors.PhoneNumberUnoccupiedError(None), "phone"),
        (errors.PhoneCodeInvalidError(None), "code"),
        (errors.PhoneCodeExpiredError(None), "code"),
        (errors.PasswordHashInvalidError(None), "password"),
    ],
)
def test_what_was_typed_wrong_is_a_bad_request_that_names_the_field(error: Exception, field: str) -> None:
    raised = _login(error)
    assert isinstance(raised, BadRequest)
    assert list(raised.fields) == [field]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errors.PhoneCodeInvalidError(None), "PHONE_CODE_INVALID"),
        (errors.PhoneCodeExpiredError(None), "PHONE_CODE_EXPIRED"),
    ],
)
def test_a_refused_code_is_told_by_telegrams_own_name_too(error: Exception, name: str) -> None:
    assert name in _login(error).detail


def test_an_expired_code_says_what_to_do() -> None:
    assert "ask for a new one" in _login(errors.PhoneCodeExpiredError(None)).detail


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.FloodWaitError(None, capture=77), 77),
        (errors.PhoneNumberFloodError(None), 86400),
        (errors.PhonePasswordFloodError(None), 86400),
        (errors.SendCodeUnavailableError(None), 86400),
    ],
)
def test_too_often_is_too_many_requests_with_a_pause(error: Exception, seconds: float) -> None:
    raised = _login(error)
    assert isinstance(raised, TooManyRequests)
    assert raised.retry_after == seconds


def test_a_wrong_application_names_the_variables() -> None:
    assert "TELEGRAM_API_ID" in _login(errors.ApiIdInvalidError(None)).detail


@pytest.mark.parametrize("error", [ConnectionError(), TimeoutError(), errors.ServerError(None, "INTERDC_X")])
def test_silence_while_logging_in_may_pass(error: Exception) -> None:
    assert isinstance(_login(error), ProviderUnavailable)


def test_other_refusals_of_a_login_are_passed_on_by_name() -> None:
    raised = _login(errors.PhonePasswordProtectedError(None))
    assert isinstance(raised, ProviderRejected)
    assert "PhonePasswordProtected" in raised.detail


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (errors.AuthKeyUnregisteredError(None), True),
        (errors.SessionRevokedError(None), True),
        (errors.UserDeactivatedBanError(None), True),
        (errors.AuthKeyDuplicatedError(None), True),
        (errors.SessionPasswordNeededError(None), False),
        (errors.PhonePasswordFloodError(None), False),
        (errors.FloodWaitError(None, capture=1), False),
        (ConnectionError(), False),
    ],
)
def test_a_session_that_is_gone_for_good_is_told_from_trouble(error: Exception, final: bool) -> None:
    assert ended(error) is final
    assert isinstance(_sending(error), SessionEnded) is final or not isinstance(error, (errors.RPCError, OSError))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.FloodWaitError(None, capture=5), ProviderUnavailable),
        (errors.SlowModeWaitError(None, capture=5), ProviderUnavailable),
        (errors.PeerFloodError(None), ProviderRejected),
        (errors.ChatWriteForbiddenError(None), ProviderRejected),
        (errors.UserIsBlockedError(None), ProviderRejected),
        (errors.WebpageCurlFailedError(None), FileRefused),
        (errors.MediaEmptyError(None), FileRefused),
        (errors.PhotoInvalidDimensionsError(None), FileRefused),
        (errors.ServerError(None, "MSG_WAIT_FAILED"), ProviderUnavailable),
        (ConnectionError(), ProviderUnavailable),
        (TimeoutError(), ProviderUnavailable),
        (ValueError("Could not find the input entity"), ProviderRejected),
    ],
)
def test_refused_messages_are_sorted(error: Exception, kind: type[HubError]) -> None:
    assert type(_sending(error)) is kind


def test_a_flood_wait_tells_its_pause() -> None:
    raised = _sending(errors.FloodWaitError(None, capture=41))
    assert isinstance(raised, ProviderUnavailable)
    assert raised.retry_after == 41


def _user(id_: int = 5, **fields: Any) -> types.User:
    return types.User(id=id_, first_name="Bo", access_hash=-9, **fields)


def _message(**fields: Any) -> types.Message:
    defaults: dict[str, Any] = {"id": 11, "peer_id": types.PeerUser(5), "date": MOMENT, "message": "Hello"}
    return types.Message(**(defaults | fields))


def _received(message: types.Message, chat: Any = None, sender: Any = None) -> MessageReceived:
    chat = chat or _user()
    (event,) = parse(message_update(message, chat, sender or chat))
    assert isinstance(event, MessageReceived)
    return event


def test_a_private_message() -> None:
    event = _received(_message(reply_to=types.MessageReplyHeader(reply_to_msg_id=9)))
    assert (event.external_message_id, event.chat_key, event.text, event.sent_at) == ("11", "5", "Hello", MOMENT)
    assert (event.sender.name, event.reply_to, event.context) == ("Bo", "9", {"access_hash": "-9"})


def test_what_the_owner_wrote_on_their_phone_is_from_me_and_in_the_customers_chat() -> None:
    event = _received(_message(out=True, from_id=types.PeerUser(77)), sender=_user(77))
    assert (event.from_me, event.sender.external_user_id) == (True, "5")


def test_a_hash_of_half_known_people_is_not_kept() -> None:
    assert _received(_message(), chat=_user(min=True)).context == {}


def _channel(*, megagroup: bool) -> types.Channel:
    return types.Channel(
        id=12, title="Big", photo=types.ChatPhotoEmpty(), date=MOMENT, megagroup=megagroup, access_hash=3
    )


def test_a_supergroup_has_numbers_of_its_own() -> None:
    message = _message(peer_id=types.PeerChannel(12), from_id=types.PeerUser(6))
    event = _received(message, chat=_channel(megagroup=True), sender=_user(6))
    assert (event.external_message_id, event.is_group) == ("-1000000000012:11", True)
    assert (event.sender.external_user_id, event.group_name) == ("6", "Big")


def test_what_is_nobodys_message_is_left_out() -> None:
    posted_in_channel = _message(peer_id=types.PeerChannel(12))
    assert message_update(posted_in_channel, _channel(megagroup=False), None) is None
    assert message_update(_message(), _user(is_self=True), None) is None
    note = types.MessageService(id=1, peer_id=types.PeerUser(5), date=MOMENT, action=types.MessageActionPinMessage())
    assert message_update(note, _user(), None) is None


def _document(*attributes: Any, mime: str = "application/pdf") -> types.MessageMediaDocument:
    document = types.Document(
        id=1,
        access_hash=2,
        file_reference=b"",
        date=MOMENT,
        mime_type=mime,
        size=3,
        dc_id=2,
        attributes=list(attributes),
    )
    return types.MessageMediaDocument(document=document)


_VIDEO = types.DocumentAttributeVideo(duration=2.5, w=3, h=4)
_POINT = types.GeoPoint(lat=1.5, long=2.5, access_hash=0)


@pytest.mark.parametrize(
    ("media", "kind", "telegram_type"),
    [
        (_document(types.DocumentAttributeFilename("bill.pdf")), MessageKind.DOCUMENT, "document"),
        (_document(_VIDEO), MessageKind.VIDEO, "video"),
        (_document(types.DocumentAttributeVideo(2.5, 3, 4, round_message=True)), MessageKind.VIDEO, "video_note"),
        (_document(types.DocumentAttributeAnimated(), _VIDEO), MessageKind.VIDEO, "animation"),
        (_document(types.DocumentAttributeAudio(duration=2, voice=True)), MessageKind.AUDIO, "voice"),
        (_document(types.DocumentAttributeAudio(duration=2)), MessageKind.AUDIO, "audio"),
        (
            _document(types.DocumentAttributeSticker(alt="x", stickerset=types.InputStickerSetEmpty())),
            MessageKind.STICKER,
            "sticker",
        ),
        (
            types.MessageMediaPhoto(
                photo=types.Photo(
                    id=1,
                    access_hash=2,
                    file_reference=b"",
                    date=MOMENT,
                    dc_id=1,
                    sizes=[types.PhotoSize("s", 90, 60, 1), types.PhotoSizeProgressive("y", 900, 600, [1])],
                )
            ),
            MessageKind.IMAGE,
            "photo",
        ),
    ],
)
def test_files_are_described(media: Any, kind: MessageKind, telegram_type: str) -> None:
    event = _received(_message(media=media, grouped_id=8))
    (attachment,) = event.attachments
    assert (event.kind, attachment.type, attachment.url) == (kind, kind, None)
    assert (attachment.extra["telegram_type"], attachment.extra["id"]) == (telegram_type, "1")
    assert event.extra["media_group_id"] == "8"


def test_the_largest_picture_and_a_files_name_are_kept() -> None:
    event = _received(_message(media=_document(types.DocumentAttributeFilename("bill.pdf"), _VIDEO)))
    (attachment,) = event.attachments
    assert (attachment.file_name, attachment.size, attachment.extra["width"]) == ("bill.pdf", 3, 3)


def test_places_people_polls_and_dice() -> None:
    place = types.MessageMediaVenue(_POINT, "Shop", "Street", provider="", venue_id="", venue_type="")
    assert _received(_message(media=place)).attachments[0].name == "Shop"
    assert _received(_message(media=types.MessageMediaGeo(_POINT))).attachments[0].latitude == 1.5
    contact = types.MessageMediaContact("+49", "Dee", "", "", 0)
    assert _received(_message(media=contact)).attachments[0].name == "Dee"
    text = types.TextWithEntities
    poll = types.Poll(id=1, question=text("Tea?", []), answers=[types.PollAnswer(text("Yes", []), b"0")], hash=0)
    media = types.MessageMediaPoll(poll, types.PollResults())
    assert _received(_message(message="", media=media)).attachments[0].extra["options"] == ["Yes"]
    assert _received(_message(message="", media=types.MessageMediaDice(6, "🎲"))).text == "🎲 6"
    assert _received(_message(media=types.MessageMediaUnsupported())).kind is MessageKind.UNSUPPORTED
    assert _received(_message(media=types.MessageMediaWebPage(types.WebPageEmpty(1)))).kind is MessageKind.TEXT


def test_an_edit_counts_only_where_the_text_was_changed() -> None:
    (event,) = parse(message_update(_message(edit_date=MOMENT), _user(), None, edited=True))
    assert isinstance(event, MessageEdited)
    assert parse(message_update(_message(edit_date=MOMENT, edit_hide=True), _user(), None, edited=True)) == []


def test_deletions() -> None:
    events = parse(deleted([11, 12], None)) + parse(deleted([9], -1000000000012))
    assert all(isinstance(event, MessageDeleted) for event in events)
    ids = [event.external_message_id for event in events if isinstance(event, MessageDeleted)]
    assert ids == ["11", "12", "-1000000000012:9"]


def test_what_looks_how_is_told_as_telegrams_entities() -> None:
    looks = [
        Entity("bold", 0, 2, None),
        Entity("link", 3, 4, "https://x.example"),
        Entity("pre", 8, 1, "python"),
        Entity("code", 10, 1, None),
    ]
    for form in ("text", "file"):
        request = request_for(
            Post(chat=5, nonce=7, form=form, text="Hi shop x y", url="https://x/a", entities=looks), None
        )
        bold, link, block, code = request.entities
        assert isinstance(bold, types.MessageEntityBold)
        assert (bold.offset, bold.length) == (0, 2)
        assert (link.url, block.language) == ("https://x.example", "python")
        assert isinstance(code, types.MessageEntityCode)


def test_a_text_is_sent_with_its_own_number_and_a_file_only_as_an_address() -> None:
    text = request_for(Post(chat=5, nonce=7, text="Hi", reply_to=3), types.InputPeerUser(5, 9))
    assert isinstance(text, functions.messages.SendMessageRequest)
    assert (text.message, text.random_id, text.reply_to.reply_to_msg_id) == ("Hi", 7, 3)
    assert request_for(Post(chat=5, nonce=7, text="Hi", reply_to=3), None, reply=False).reply_to is None
    picture = Post(chat=5, nonce=7, form="file", url="https://x/a.png", kind=MessageKind.IMAGE)
    assert isinstance(request_for(picture, None).media, types.InputMediaPhotoExternal)
    paper = Post(chat=5, nonce=7, form="file", url="/etc/passwd")
    assert request_for(paper, None).media == types.InputMediaDocumentExternal(url="/etc/passwd")


def test_places_and_reactions_are_sent() -> None:
    place = Post(chat=5, nonce=7, form="place", latitude=1.0, longitude=2.0)
    assert isinstance(request_for(place, None).media, types.InputMediaGeoPoint)
    venue = Post(chat=5, nonce=7, form="place", title="Shop", address="Street")
    assert request_for(venue, None).media.title == "Shop"
    heart = request_for(Post(chat=5, nonce=7, form="reaction", text="❤", reply_to=3), None)
    assert (heart.msg_id, heart.reaction[0].emoticon) == (3, "❤")
    assert request_for(Post(chat=5, nonce=7, form="reaction", reply_to=3), None).reaction == []


def test_what_is_done_to_a_message_names_it() -> None:
    person, supergroup = types.InputPeerUser(5, 9), types.InputPeerChannel(12, 9)
    edit = request_for(Post(chat=5, nonce=7, form="edit", text="Hi", reply_to=3), person)
    assert isinstance(edit, functions.messages.EditMessageRequest)
    assert (edit.id, edit.message) == (3, "Hi")
    deletion, read = (Post(chat=5, nonce=7, form=form, reply_to=3) for form in ("deletion", "read"))
    everywhere, in_group = request_for(deletion, person), request_for(deletion, supergroup)
    assert (everywhere.id, everywhere.revoke, in_group.id) == ([3], True, [3])
    assert isinstance(in_group, functions.channels.DeleteMessagesRequest)
    assert request_for(read, person).max_id == request_for(read, supergroup).max_id == 3
    assert isinstance(request_for(read, supergroup), functions.channels.ReadHistoryRequest)


def test_the_number_of_what_was_sent_is_found_in_either_answer() -> None:
    post = Post(chat=5, nonce=7, text="Hi")
    short = types.UpdateShortSentMessage(id=31, pts=1, pts_count=1, date=MOMENT)
    assert posted(short, post, 5).number == 31
    ids = [types.UpdateMessageID(id=1, random_id=8), types.UpdateMessageID(id=32, random_id=7)]
    assert posted(types.Updates(ids, [], [], MOMENT, 0), post, 5).number == 32
    assert posted(types.Updates([], [], [], MOMENT, 0), post, 5).number is None


def test_where_updates_were_taken_survives_the_session_string() -> None:
    before = StringSession()
    assert _saved(before) is None
    before.set_update_state(0, types.updates.State(10, 20, MOMENT, 30, unread_count=0))
    before.set_update_state(12, types.updates.State(40, 0, MOMENT, 0, unread_count=0))
    before.set_update_state(13, types.updates.State(50, 0, MOMENT, 0, unread_count=0))
    before.process_entities(types.contacts.ResolvedPeer(None, [], [types.InputPeerChannel(12, 99)]))
    place = _saved(before)
    assert place == {
        "0": {"pts": 10, "qts": 20, "date": int(MOMENT.timestamp()), "seq": 30},
        "12": {"pts": 40, "access_hash": "99"},
    }
    after = StringSession()
    _restore(after, place)
    assert _saved(after) == place


def test_somebody_writes_until_telegram_says_that_they_stopped() -> None:
    began, ended_ = types.SendMessageTypingAction(), types.SendMessageCancelAction()
    update = typing(types.UpdateUserTyping(user_id=5001, action=began))
    assert parse(update) == [CustomerTyping(chat_key="5001")]
    assert typing(types.UpdateUserTyping(user_id=5001, action=ended_)) is None
