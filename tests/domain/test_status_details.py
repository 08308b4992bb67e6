"""Why an instance has its status: stored as data, told in each dialect's own names."""

from __future__ import annotations

import pytest

from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.instances import WebhookHealth
from shared.domain.status_details import ConfigField, DetailCode, StatusDetail
from shared.usecases.instances.status_details import reported
from tests.documents import an_instance

DETAILS = {
    "missing in config: botToken, webhookSecret": StatusDetail(
        code=DetailCode.MISSING_CONFIG, fields=["bot_token", "webhook_secret"]
    ),
    "a call to the default webhook was about 'her_shop', which is not this instance's account": StatusDetail(
        code=DetailCode.OTHER_ACCOUNT, account="her_shop"
    ),
    "botToken was refused": StatusDetail(
        code=DetailCode.REPORTED, parts=[ConfigField(field="bot_token"), " was refused"]
    ),
}


@pytest.mark.parametrize("sentence", DETAILS)
def test_a_dialect_puts_its_own_names_into_the_sentence(sentence: str) -> None:
    assert VOCABULARY.sentence(DETAILS[sentence].sentence) == sentence


@pytest.mark.parametrize("sentence", DETAILS)
def test_a_detail_is_stored_and_read_again(sentence: str) -> None:
    stored = WebhookHealth(error=DETAILS[sentence]).model_dump(mode="json")
    assert WebhookHealth.model_validate(stored).error == DETAILS[sentence]


def test_a_sentence_that_was_stored_before_is_read_as_it_is() -> None:
    assert str(WebhookHealth.model_validate({"error": "not subscribed"}).error) == "not subscribed"


def test_only_the_fields_of_the_channel_are_names() -> None:
    detail = reported(an_instance("telegram_bot"), "bot_token was refused: no_such_bot")
    assert detail is not None
    assert detail.parts == [ConfigField(field="bot_token"), " was refused: no_such_bot"]
    assert reported(an_instance("telegram_bot"), None) is None
