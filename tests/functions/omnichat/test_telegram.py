"""Logging a Telegram account in over several requests, each of which may reach another process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import channels
from functions.omnichat import telegram as telegram_login
from shared.cache import TTLCache
from shared.channels.telegram_user.api import reached_by
from shared.channels.telegram_user.gateway import PROVIDER
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.errors import ProviderRejected, ProviderUnavailable, TooManyRequests
from shared.ports.store import Ref
from shared.usecases.instances import instances
from tests.apps import create_app
from tests.channels.telegram_user.telegram import Telegram
from tests.functions.keys import key_for

PHONE = "+491701234567"


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    telegram = Telegram()
    telegram.add(PHONE)
    with reached_by(telegram.opener):
        yield telegram


@pytest.fixture
def configured(deps: Deps) -> Deps:
    keys = {"telegram_api_id": 1, "telegram_api_hash": SecretStr("hash")}
    return replace(deps, settings=deps.settings.model_copy(update=keys))


class Tenant:
    """An owner whose every request goes to another process."""

    def __init__(self, deps: Deps, tenant_id: str = "acme") -> None:
        self._deps = deps
        self._headers = key_for(deps, tenant_id, Role.OWNER)

    @property
    def client(self) -> FlaskClient:
        process = replace(self._deps, cache=TTLCache(lambda: 0.0), owner="another")
        return create_app(process, [channels.api, telegram_login.api]).test_client()

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        answer = self.client.post(path, json=body, headers=self._headers)
        assert answer.status_code == status, answer.text
        return answer

    def channel(self, **body: Any) -> str:
        response = self.post("/api/channels", 201, **({"name": "Ann", "type": "TELEGRAM_USER"} | body))
        return str(response.json["id"])

    def status(self, channel: str) -> Any:
        return self.client.get(f"/api/channels/{channel}", headers=self._headers).json

    def start(self, channel: str, phone: str = PHONE, status: int = 200) -> Any:
        return self.post("/api/telegram/user/start", status, channelInstanceId=channel, phone=phone)

    def confirm(self, channel: str, status: int = 200, **fields: str) -> Any:
        body = {"channelInstanceId": channel, "code": "12345"} | fields
        return self.post("/api/telegram/user/confirm", status, **body)

    def logout(self, channel: str, status: int = 200) -> Any:
        return self.post("/api/telegram/user/logout", status, channelInstanceId=channel)


@pytest.fixture
def tenant(configured: Deps, telegram: Telegram) -> Tenant:
    return Tenant(configured)


def _auth(deps: Deps, channel: str) -> dict[str, Any]:
    ref = Ref("channel_auth", channel)
    return deps.store.get([ref])[ref].data


def test_a_code_logs_the_account_in(tenant: Tenant, telegram: Telegram, deps: Deps) -> None:
    channel = tenant.channel()
    assert tenant.status(channel)["status"] == "DISCONNECTED"
    assert tenant.start(channel).json["status"] == "code_sent"
    assert tenant.confirm(channel).json["status"] == "connected"
    status = tenant.status(channel)
    assert (status["status"], status["externalId"]) == ("CONNECTED", "77")
    assert len(telegram.sessions) == 1


def test_the_front_end_logs_an_account_in_in_its_own_words(tenant: Tenant, telegram: Telegram, deps: Deps) -> None:
    channel = tenant.channel(metadata={"phoneNumber": PHONE}, config={}, externalId=PHONE, tenantId="acme")
    login: dict[str, Any] = {"channelInstanceId": channel, "phoneNumber": PHONE}
    first, again = (tenant.post("/api/telegram/user/start", **login).json for _ in range(2))
    assert first == again
    assert (first["ok"], first["channelId"], first["phoneNumber"]) == (True, channel, PHONE)
    assert first["phoneCodeHash"] not in deps.secrets.read(_auth(deps, channel)["secret"]).values()
    login |= {"phoneCodeHash": first["phoneCodeHash"], "code": "12345", "tenantId": "acme"}
    confirmed = tenant.post("/api/telegram/user/confirm", **login).json
    assert (confirmed["ok"], confirmed["needs2FA"], confirmed["error"]) == (True, False, None)
    assert confirmed["platform"] == tenant.status(channel)
    assert confirmed["platform"]["status"] == "CONNECTED"


def test_an_account_with_a_password_is_not_ok_without_it(tenant: Tenant, telegram: Telegram) -> None:
    telegram.accounts[PHONE].password = "open sesame"
    channel = tenant.channel()
    tenant.start(channel)
    answer = tenant.confirm(channel).json
    assert (answer["ok"], answer["needs2FA"], answer["platform"]) == (False, True, None)
    assert "password" in answer["error"]
    assert tenant.confirm(channel, password="open sesame").json["ok"] is True


def test_a_number_in_both_spellings_is_refused(tenant: Tenant) -> None:
    channel = tenant.channel()
    tenant.post("/api/telegram/user/start", 400, channelInstanceId=channel, phone=PHONE, phoneNumber=PHONE)


def test_a_password_may_come_in_a_request_of_its_own_or_with_the_code(tenant: Tenant, telegram: Telegram) -> None:
    telegram.add("+4915112345678", user_id=78, password="open sesame")
    channel = tenant.channel()
    tenant.start(channel, "+49 (151) 12345678")
    assert tenant.confirm(channel).json["status"] == "password_needed"
    assert tenant.confirm(channel).json["status"] == "password_needed"
    wrong = tenant.confirm(channel, 400, password="open says me")
    assert "password" in wrong.json["fields"]
    assert "says me" not in wrong.text
    assert tenant.confirm(channel, password="open sesame").json["status"] == "connected"
    tenant.logout(channel)
    tenant.start(channel, "+4915112345678")
    assert tenant.confirm(channel, password="open sesame").json["status"] == "connected"


def test_nothing_secret_is_in_the_store_and_the_login_leaves_one_secret(
    tenant: Tenant, telegram: Telegram, deps: Deps
) -> None:
    telegram.accounts[PHONE].password = "open sesame"
    channel = tenant.channel()
    seen = []
    for step in (tenant.start, tenant.confirm, lambda channel_id: tenant.confirm(channel_id, password="open sesame")):
        step(channel)
        auth_document = _auth(deps, channel)
        seen.append(auth_document["secret"])
        secret = deps.secrets.read(auth_document["secret"])
        written = json.dumps(auth_document, default=str) + json.dumps(tenant.status(channel))
        assert secret["session"]
        assert not any(value in written for name, value in secret.items() if name != "phone")
    assert len(set(seen)) == 3
    assert [deps.secrets.read(name) for name in seen[:2]] == [{}, {}]


def test_confirming_again_what_is_connected_is_no_error(tenant: Tenant, telegram: Telegram) -> None:
    channel = tenant.channel()
    tenant.start(channel)
    tenant.confirm(channel)
    assert tenant.confirm(channel).json["status"] == "connected"
    assert len(telegram.sessions) == 1
    assert "log it out first" in tenant.start(channel, status=409).json["detail"]


def test_a_wrong_code_may_be_followed_by_the_right_one(tenant: Tenant) -> None:
    channel = tenant.channel()
    tenant.start(channel)
    assert tenant.confirm(channel, 400, code="54321").json["fields"] == {"code": "is wrong"}
    assert tenant.confirm(channel).json["status"] == "connected"


def test_a_second_start_takes_the_place_of_the_first(tenant: Tenant, deps: Deps) -> None:
    channel = tenant.channel()
    tenant.start(channel)
    first = _auth(deps, channel)["secret"]
    tenant.start(channel)
    assert deps.secrets.read(first) == {}
    assert tenant.confirm(channel).json["status"] == "connected"


def test_without_a_code_asked_for_there_is_nothing_to_confirm(tenant: Tenant) -> None:
    assert "start" in tenant.confirm(tenant.channel(), 400).json["detail"]


@pytest.mark.parametrize("phone", ["hello", "+49", "123", "+4917012345678901", "+49 170 ١٢٣٤٥٦٧"])
def test_what_is_no_phone_number_is_refused_without_asking_telegram(
    tenant: Tenant, telegram: Telegram, phone: str
) -> None:
    telegram.down = True
    assert "country code" in tenant.start(tenant.channel(), phone, 400).json["fields"]["phone"]


def test_a_number_without_an_account_is_refused(tenant: Tenant) -> None:
    assert "phone" in tenant.start(tenant.channel(), "+4915100000000", 400).json["fields"]


def test_telegrams_own_pause_is_passed_on(tenant: Tenant, telegram: Telegram) -> None:
    channel = tenant.channel()
    telegram.refusals.append(TooManyRequests("Telegram asks for a pause", 321))
    answer = tenant.start(channel, status=429)
    assert answer.headers["Retry-After"] == "321"


def test_other_refusals_and_silence_are_told_apart(tenant: Tenant, telegram: Telegram) -> None:
    channel = tenant.channel()
    telegram.refusals.append(ProviderRejected(PROVIDER, "no"))
    tenant.start(channel, status=502)
    telegram.refusals.append(ProviderUnavailable(PROVIDER, "later"))
    tenant.start(channel, status=503)


def test_missing_settings_are_named(deps: Deps, telegram: Telegram) -> None:
    tenant = Tenant(deps)
    channel = tenant.channel()
    detail = tenant.start(channel, status=503).json["detail"]
    assert "TELEGRAM_API_ID" in detail
    assert "TELEGRAM_API_HASH" in detail
    assert "TELEGRAM_API_ID" in tenant.status(channel)["statusDetail"]


def test_unknown_and_foreign_channels_look_the_same(tenant: Tenant, configured: Deps) -> None:
    foreign_channel = Tenant(configured, "globex").channel()
    for call in (tenant.start, tenant.logout, tenant.confirm):
        answers = [call(channel, status=404).json for channel in ("nobodys", foreign_channel)]
        assert answers[0]["detail"] == answers[1]["detail"]


def test_a_channel_of_another_type_is_a_bad_request(tenant: Tenant) -> None:
    channel = tenant.channel(type="SLACK")
    for call in (tenant.start, tenant.logout, tenant.confirm):
        assert "TELEGRAM_USER" in call(channel, status=400).json["detail"]


def test_logout_destroys_the_session_at_telegram_and_here_and_twice_is_no_error(
    tenant: Tenant, telegram: Telegram, deps: Deps
) -> None:
    channel = tenant.channel()
    tenant.start(channel)
    tenant.confirm(channel)
    secret = _auth(deps, channel)["secret"]
    for _ in range(2):
        assert tenant.logout(channel).json == {"ok": True, "status": "disconnected"}
    assert (telegram.sessions, len(telegram.logged_out)) == ({}, 1)
    assert deps.secrets.read(secret) == {}
    assert deps.store.get([Ref("channel_auth", channel)]) == {}
    assert tenant.status(channel)["status"] == "DISCONNECTED"
    tenant.logout(tenant.channel(name="never logged in"))


def test_a_logout_that_does_not_reach_telegram_can_be_repeated(tenant: Tenant, telegram: Telegram, deps: Deps) -> None:
    channel = tenant.channel()
    tenant.start(channel)
    tenant.confirm(channel)
    telegram.down = True
    tenant.logout(channel, 503)
    assert _auth(deps, channel)["state"] == "logged_out"
    telegram.down = False
    tenant.logout(channel)
    assert telegram.sessions == {}


def test_a_login_after_a_logout_that_did_not_reach_telegram_ends_the_former_session(
    tenant: Tenant, telegram: Telegram
) -> None:
    channel = tenant.channel()
    tenant.start(channel)
    tenant.confirm(channel)
    (former,) = telegram.sessions
    telegram.down = True
    tenant.logout(channel, 503)
    telegram.down = False
    tenant.start(channel)
    assert telegram.logged_out == [former]
    assert tenant.confirm(channel).json["status"] == "connected"


def test_an_account_belongs_to_one_channel(tenant: Tenant, telegram: Telegram, configured: Deps) -> None:
    first = tenant.channel()
    tenant.start(first)
    tenant.confirm(first)
    other = Tenant(configured, "globex")
    second = other.channel()
    other.start(second)
    other.confirm(second, 409)
    assert len(telegram.sessions) == 1
    assert other.status(second)["status"] == "DISCONNECTED"
    assert other.start(second).json["status"] == "code_sent"


def test_deleting_a_channel_ends_its_session_and_leaves_no_secret(
    tenant: Tenant, telegram: Telegram, configured: Deps
) -> None:
    reached, unreached = tenant.channel(), tenant.channel(name="other")
    telegram.add("+4915112345678", user_id=78)
    tenant.start(reached)
    tenant.start(unreached, "+4915112345678")
    names = []
    for channel in (reached, unreached):
        tenant.confirm(channel)
        names.append(_auth(configured, channel)["secret"])
    for channel in (reached, unreached):
        instances.delete(configured, "acme", channel)
        telegram.down = True
    assert len(telegram.logged_out) == 1
    assert [configured.secrets.read(name) for name in names] == [{}, {}]
    assert configured.store.find("channel_auth").documents == []


def test_two_confirmations_at_once_give_one_session(tenant: Tenant, telegram: Telegram, configured: Deps) -> None:
    channel = tenant.channel()
    tenant.start(channel)
    pending_logins = telegram.pending.copy()

    class Slow(Telegram):
        def sign_in(self, *args: Any) -> Any:
            # The other request overtakes this one while Telegram thinks.
            telegram.pending |= pending_logins
            with suppress(AssertionError), reached_by(telegram.opener):
                tenant.confirm(channel)
            telegram.pending |= pending_logins
            return telegram.sign_in(*args)

        def log_out(self, session: str) -> None:
            telegram.log_out(session)

    with reached_by(Slow().opener):
        tenant.confirm(channel, 409)
    assert len(telegram.sessions) == 1
    assert tenant.confirm(channel).json["status"] == "connected"
