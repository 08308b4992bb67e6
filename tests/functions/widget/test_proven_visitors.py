"""Visitors whose own page proves who they are: one identity in every browser, and nobody else has it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from functions.widget.main import blueprints
from shared.deps import Deps
from shared.usecases.sessions import visitors
from tests.apps import create_app
from tests.eventually import eventually
from tests.functions.widget.conftest import Visitor, begin, make_widget
from tests.pipeline.hub import Hub

SECRET = "s" * 16 + "é" + "t" * 20


def _proof(user_id: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


def _signed_in(hub: Hub, instance: str, user_id: str = "42", **fields: str) -> Visitor:
    return begin(hub, instance, userId=user_id, userHash=_proof(user_id), **fields)


def _session(hub: Hub, instance: str, body: dict[str, Any], **headers: str) -> TestResponse:
    return hub.client.post(f"/widget/{instance}/session", json=body, headers=headers)


def _configure(hub: Hub, instance: str, **config: Any) -> None:
    hub.patch(f"/api/channels/{instance}", {"config": config})


@pytest.fixture
def proving(hub: Hub) -> str:
    """A widget that proves its visitors."""
    return make_widget(hub, identitySecret=SECRET)


def test_who_is_proven_finds_the_conversation_in_another_browser(hub: Hub, proving: str) -> None:
    at_home = _signed_in(hub, proving, name="Ada")
    at_home.say("Hello from home")
    eventually(lambda: len(at_home.texts()) == 1)
    at_work = _signed_in(hub, proving)
    at_work.say("Hello from work")
    eventually(
        lambda: at_work.texts() == at_home.texts() == [("visitor", "Hello from home"), ("visitor", "Hello from work")]
    )
    assert at_home.session["visitorId"] == at_work.session["visitorId"] == "user-42"
    assert at_home.session["room"] == at_work.session["room"]
    assert len(hub.conversations()) == len(hub.documents("customers", tenant_id=hub.tenant_id)) == 1
    assert hub.conversation().external_conversation_id == "user-42"


def test_a_visitor_without_a_name_is_called_by_their_id(hub: Hub, proving: str) -> None:
    _signed_in(hub, proving, "ada@example.com").say("Hello")
    assert hub.conversation().customer_name == "ada@example.com"


def test_users_are_kept_apart_whatever_their_ids_look_like(hub: Hub, proving: str) -> None:
    ids = ["42", "4-2", "A", "a", "é", "e\u0301", "a b", "user-42", "x" * 59, "x" * 60, "😀" * 128, "hash-1", " 42"]
    names = [_signed_in(hub, proving, user_id).session["visitorId"] for user_id in ids]
    assert len(set(names)) == len(ids)
    other = make_widget(hub, "Other", identitySecret=SECRET)
    assert _signed_in(hub, other).session["room"] != _signed_in(hub, proving).session["room"]


def test_a_wrong_proof_is_refused_and_makes_nobody(hub: Hub, proving: str) -> None:
    right = _proof("42")
    wrong = {
        "another's": _proof("43"),
        "with another secret": _proof("42", "x" * 40),
        "without a secret": hashlib.sha256(b"42").hexdigest(),
        "zeros": "0" * 64,
        "one digit": right[:-1] + ("0" if right[-1] != "0" else "1"),
    }
    for what, proof in wrong.items():
        assert _session(hub, proving, {"userId": "42", "userHash": proof}).status_code == 401, what
    for user_id in ("43", "042", "42 ", "\uff14\uff12"):
        assert _session(hub, proving, {"userId": user_id, "userHash": right}).status_code == 401, user_id
    assert _session(hub, proving, {"userId": "42", "userHash": right.upper()}).status_code == 201
    assert hub.documents("customers", tenant_id=hub.tenant_id) == []


@pytest.mark.parametrize(
    "body",
    [
        {"userId": "42"},
        {"userHash": _proof("42")},
        {"userId": "42", "userHash": None},
        {"userId": "42", "userHash": ""},
        {"userId": "", "userHash": _proof("")},
        {"userId": 42, "userHash": _proof("42")},
        {"userId": "x" * 129, "userHash": _proof("x" * 129)},
        {"userId": "42", "userHash": _proof("42") + "00"},
        {"userId": "42", "userHash": ["a"]},
        {"user": "42", "userHash": _proof("42")},
    ],
)
def test_half_a_proof_is_no_anonymous_visitor(hub: Hub, proving: str, body: dict[str, Any]) -> None:
    assert _session(hub, proving, body).status_code == 400


def test_a_widget_without_a_secret_believes_no_proof(hub: Hub, widget: str) -> None:
    for secret in ("", SECRET, "None"):
        assert _session(hub, widget, {"userId": "42", "userHash": _proof("42", secret)}).status_code == 401


def test_nobody_else_gets_a_proven_visitors_messages(hub: Hub, proving: str) -> None:
    ada = _signed_in(hub, proving)
    ada.say("a secret of Ada's")
    eventually(lambda: len(ada.texts()) == 1)
    anonymous = begin(hub, proving, name="42")
    bob = _signed_in(hub, proving, "43")
    assert anonymous.texts() == bob.texts() == []
    assert not anonymous.session["visitorId"].startswith("user")


def test_a_proof_counts_more_than_a_token(hub: Hub, proving: str) -> None:
    anonymous = begin(hub, proving)
    answer: Any = _session(hub, proving, {"userId": "42", "userHash": _proof("42")}, **anonymous.headers)
    assert (answer.status_code, answer.json["visitorId"]) == (201, "user-42")
    wrong = _session(hub, proving, {"userId": "42", "userHash": _proof("43")}, **anonymous.headers)
    assert wrong.status_code == 401


def test_a_proven_token_ends_after_a_day_and_is_renewed_by_a_proof_alone(hub: Hub, deps: Deps, proving: str) -> None:
    ada = _signed_in(hub, proving)

    def later(seconds: int) -> int:
        ahead = replace(deps, now=lambda: deps.now() + timedelta(seconds=seconds))
        client = create_app(ahead, blueprints()).test_client()
        return client.get(f"{ada.path}/messages", headers=ada.headers).status_code

    assert (later(visitors.PROVEN_SECONDS - 60), later(visitors.PROVEN_SECONDS + 60)) == (200, 401)
    assert _session(hub, proving, {}, **ada.headers).status_code == 401


def test_another_secret_ends_what_the_former_one_has_proved(hub: Hub, proving: str) -> None:
    ada, anonymous = _signed_in(hub, proving), begin(hub, proving)
    ada.say("Hello")
    eventually(lambda: len(ada.texts()) == 1)
    _configure(hub, proving, identitySecret="n" * 40)
    assert ada.read().status_code == 401
    assert anonymous.read().status_code == 200
    assert _session(hub, proving, {"userId": "42", "userHash": _proof("42")}).status_code == 401
    again = begin(hub, proving, userId="42", userHash=_proof("42", "n" * 40))
    assert again.texts() == [("visitor", "Hello")]


def test_where_proof_is_required_nobody_else_may_chat(hub: Hub, proving: str) -> None:
    anonymous = begin(hub, proving)
    _configure(hub, proving, identityRequired=True)
    ada = _signed_in(hub, proving)
    assert _session(hub, proving, {"name": "Eve"}).status_code == 401
    assert _session(hub, proving, {}, **anonymous.headers).status_code == 401
    assert anonymous.read().status_code == 401
    anonymous.say("let me in", 401)
    assert visitors.recognize(hub.deps, anonymous.session["token"]) is None
    assert visitors.recognize(hub.deps, ada.session["token"]) is not None
    ada.say("Hello")
    eventually(lambda: ada.texts() == [("visitor", "Hello")])


def test_proof_cannot_be_required_without_a_secret(hub: Hub, proving: str) -> None:
    body: dict[str, Any] = {"name": "x", "type": "WIDGET", "config": {"identityRequired": True}}
    assert list(hub.post("/api/channels", body, 400)["fields"]) == ["config.identityRequired"]
    body["config"]["identitySecret"] = "too short"
    assert "config.identitySecret" in hub.post("/api/channels", body, 400)["fields"]
    _configure(hub, proving, identityRequired=True)
    taken_away = {"config": {"identitySecret": None}}
    assert list(hub.patch(f"/api/channels/{proving}", taken_away, 400)["fields"]) == ["config.identityRequired"]


def test_the_secret_is_shown_to_nobody(hub: Hub, proving: str) -> None:
    _signed_in(hub, proving)
    for path in (f"/api/channels/{proving}", "/channels/integrations", "/api/v1/instances"):
        assert SECRET not in hub.client.get(path, headers=hub.headers).text
    assert SECRET not in str(hub.documents("instances", id=proving))
    assert SECRET not in hub.client.get(f"/widget/{proving}").text
