"""STOP ends automatic messages to an address, START brings them back, and each is confirmed once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.events import Topic
from shared.domain.messages import Direction
from shared.errors import StoreError
from tests.pipeline.manual_hub import ManualHub

STOPPED = "You will get no more automatic messages here. Send START to get them again."
STARTED = "You will get messages here again. Send STOP to end them."


@pytest.fixture
def line(manual_hub: ManualHub, bot: str) -> str:
    """A Telegram bot whose customers are answered by an agent that does not rest."""
    manual_hub.echo_agent(cooldownSeconds=0)
    return bot


def _writes(hub: ManualHub, line: str, *texts: str) -> list[str]:
    """What was sent in the end."""
    for text in texts:
        hub.writes(line, text)
        hub.work()
    return hub.sent_texts()


def _profile(hub: ManualHub) -> Any:
    return hub.get(f"/customers/{hub.conversations()[0].customer_id}/profile")


def test_stop_is_confirmed_once_and_silences_the_machine_until_start(manual_hub: ManualHub, line: str) -> None:
    sent = _writes(manual_hub, line, "hello", "Stop!", "STOP", "anybody?", "start", "hello again")
    assert sent == ["Echo: hello", STOPPED, STARTED, "Echo: hello again"]
    assert "opted_out" not in _profile(manual_hub)


def test_the_profile_says_on_which_channel_since_when_and_why(manual_hub: ManualHub, line: str) -> None:
    _writes(manual_hub, line, "STOP")
    [opt_out] = _profile(manual_hub)["opted_out"]
    assert (opt_out["channel"], opt_out["reason"]) == ("telegram_bot", "STOP")
    assert opt_out["opted_out_at"][:10] == manual_hub.arrival("STOP").isoformat()[:10]


@pytest.mark.parametrize(
    ("word", "confirmation"),
    [
        ("Unsubscribe", STOPPED),
        ("PARAR", "Você não receberá mais mensagens automáticas aqui. Envie INICIAR para voltar a recebê-las."),
        ("sair", "Você não receberá mais mensagens automáticas aqui. Envie INICIAR para voltar a recebê-las."),
        ("Baja.", "Ya no recibirá mensajes automáticos aquí. Envíe ALTA para volver a recibirlos."),
        ("ARRÊT", "Vous ne recevrez plus de messages automatiques ici. Envoyez REPRENDRE pour les recevoir à nouveau."),
        ("arret", "Vous ne recevrez plus de messages automatiques ici. Envoyez REPRENDRE pour les recevoir à nouveau."),
        ("退订", "您在此将不再收到自动消息。如需重新接收，请发送：订阅"),
        ("dezabonare", STOPPED),
    ],
)
def test_the_word_may_be_in_many_languages_in_which_it_is_confirmed(
    manual_hub: ManualHub, line: str, word: str, confirmation: str
) -> None:
    assert _writes(manual_hub, line, word) == [confirmation]


@pytest.mark.parametrize("text", ["When does the bus stop?", "start", "/start", "don't stop"])
def test_a_word_that_is_not_all_or_changes_nothing_is_a_message_like_any_other(
    manual_hub: ManualHub, line: str, text: str
) -> None:
    assert _writes(manual_hub, line, text) == [f"Echo: {text}"]


def test_a_channel_has_words_of_its_own(manual_hub: ManualHub, line: str) -> None:
    manual_hub.patch(f"/api/channels/{line}", {"config": {"optOutWords": ["No more"], "optInWords": ["More"]}})
    assert _writes(manual_hub, line, "stop", "no more", "start", "more") == ["Echo: stop", STOPPED, STARTED]


def test_nobody_waits_after_stop_and_a_person_may_still_answer(manual_hub: ManualHub, line: str) -> None:
    manual_hub.writes(line, "hello", "stop")
    manual_hub.work()
    conversation = manual_hub.conversation()
    assert (conversation.needs_reply_since, manual_hub.sent_texts()) == (None, [STOPPED])
    manual_hub.say(conversation.id, "Sorry to see you go")
    manual_hub.work()
    assert manual_hub.sent_texts() == [STOPPED, "Sorry to see you go"]


def test_what_somebody_writes_who_opted_out_waits_for_a_person(manual_hub: ManualHub, line: str) -> None:
    _writes(manual_hub, line, "stop", "where is my order?")
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("where is my order?")


def test_campaigns_and_can_send_respect_the_channel(manual_hub: ManualHub, session: str, bot: str) -> None:
    manual_hub.writes(bot, "stop")
    verdicts = manual_hub.post(f"/sessions/{session}/can-send", {})["channels"]
    assert {each["channel"]: each["reason"] for each in verdicts}["telegram_bot"] == "opted_out"
    assert {each["channel"]: each["reason"] for each in verdicts}["whatsapp"] != "opted_out"
    customer_id = manual_hub.of(session).customer_id
    for channels in (["telegram_bot"], ["telegram_bot", "whatsapp"]):
        campaign = {
            "name": "Sale",
            "channels": channels,
            "message": "Sale!",
            "audience": {"customer_ids": [customer_id]},
        }
        launched = manual_hub.post("/campaigns", campaign, 201)["campaign_id"]
        manual_hub.post(f"/campaigns/{launched}/launch", {}, 202)
        manual_hub.tick()
    assert manual_hub.sent_texts() == [STOPPED]
    assert manual_hub.sent_texts("/message/sendText") == ["Sale!"]


def test_a_business_may_have_stop_hold_on_all_channels(manual_hub: ManualHub, session: str, bot: str) -> None:
    manual_hub.patch("/api/settings", {"optOutEverywhere": True})
    manual_hub.writes(bot, "stop")
    verdicts = manual_hub.post(f"/sessions/{session}/can-send", {})["channels"]
    assert {each["reason"] for each in verdicts} == {"opted_out"}
    assert _profile(manual_hub)["opted_out"][0]["channel"] is None
    manual_hub.writes(bot, "start")
    assert "opted_out" not in _profile(manual_hub)


def test_people_note_opt_outs_and_take_them_back(manual_hub: ManualHub, line: str) -> None:
    _writes(manual_hub, line, "hello")
    path = f"/customers/{manual_hub.conversation().customer_id}/profile"
    noted = manual_hub.put(path, {"opted_out": [{"channel": "telegram_bot", "reason": "by telephone"}]})
    assert [(each["channel"], each["reason"]) for each in noted["opted_out"]] == [("telegram_bot", "by telephone")]
    assert _writes(manual_hub, line, "hello?") == ["Echo: hello"]
    manual_hub.put(path, {"opted_out": []})
    assert _writes(manual_hub, line, "and now?") == ["Echo: hello", "Echo: and now?"]


def test_no_survey_is_sent_to_somebody_who_opted_out(manual_hub: ManualHub, line: str) -> None:
    manual_hub.patch(f"/api/channels/{line}", {"config": {"csat": True}})
    _writes(manual_hub, line, "hello", "stop")
    manual_hub.set_status(manual_hub.conversation().id, "CLOSED")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: hello", STOPPED]


@pytest.mark.parametrize("step", ["stored", "published", "confirmed"])
def test_a_crash_between_two_steps_neither_loses_nor_doubles_the_confirmation(
    manual_hub: ManualHub, line: str, step: str
) -> None:
    overlaps = manual_hub.overlaps
    if step == "stored":
        overlaps.store.after_commit("identities", _crash)
    elif step == "published":
        overlaps.bus.before_publish(Topic.REPLIES, _crash)
    manual_hub.customer_writes(line, "stop")
    if step == "confirmed":
        overlaps.store.after_commit("outbox", _crash)
    with pytest.raises(StoreError):
        manual_hub.work()
    manual_hub.work()
    manual_hub.wait(minutes=2)
    manual_hub.tick()
    assert manual_hub.sent_texts() == [STOPPED]
    assert len(_profile(manual_hub)["opted_out"]) == 1


def _crash() -> None:
    raise StoreError("the process died")


def test_an_answer_that_is_ready_when_the_customer_says_stop_is_not_sent(manual_hub: ManualHub, line: str) -> None:
    manual_hub.writes(line, "hello")
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.writes(line, "stop"))
    manual_hub.work()
    assert manual_hub.sent_texts() == [STOPPED]
    assert [message.text for message in manual_hub.messages(Direction.INBOUND)] == ["hello", "stop"]
    assert manual_hub.conversation().needs_reply_since is None
