"""Twilio's proof of its calls, with Twilio's own validator as the judge."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from shared.channel.webhook import Webhook
from shared.channelkit.twilio_webhooks import signature_matches
from tests.channels import golden

TOKEN = "12345"
FORM = "application/x-www-form-urlencoded"

_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_FIELDS = st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), _TEXT, max_size=8)
_ADDRESSES = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http"]),
    st.sampled_from(["hub.example", "a.b.hub.example", "10.0.0.1"]),
    st.sampled_from(["", ":443", ":80", ":8443"]),
    st.sampled_from(["/webhook/sms/i1", "/webhook/sms/i1/status", "/"]),
    st.sampled_from(["", "?a=1", "?chat=%2B1415&turn=5", "?q=a+b&q=c", "?x"]),
)


def called(url: str, body: bytes, signature: str | None, content_type: str = FORM) -> Webhook:
    headers = {"content-type": content_type} | ({"x-twilio-signature": signature} if signature else {})
    return golden.webhook(body, url=url, headers=headers)


@hypothesis_settings(max_examples=120, deadline=None, database=None)
@given(url=_ADDRESSES, signed_at=_ADDRESSES, fields=_FIELDS, forged=st.booleans())
def test_we_and_twilio_agree_on_every_form(url: str, signed_at: str, fields: dict[str, str], forged: bool) -> None:
    judge = RequestValidator(TOKEN)
    at = signed_at if forged else url
    signature = judge.compute_signature(at, fields)
    webhook = called(url, urlencode(fields).encode(), signature)
    assert signature_matches(signature, TOKEN, webhook) == judge.validate(url, fields, signature)


@hypothesis_settings(max_examples=100, deadline=None, database=None)
@given(url=_ADDRESSES, body=_TEXT, other=_TEXT)
def test_we_and_twilio_agree_on_json_that_is_vouched_for_by_its_hash(url: str, body: str, other: str) -> None:
    judge = RequestValidator(TOKEN)
    address = f"{url}{'&' if '?' in url else '?'}bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    signature = judge.compute_signature(address, {})
    for sent in (body, other):
        accepted = signature_matches(signature, TOKEN, called(address, sent.encode(), signature, "application/json"))
        # Twilio's validator accepts an empty body without its hash, and so does the hub.
        assert accepted == judge.validate(address, sent, signature) or not sent


def test_the_address_is_signed_with_or_without_its_port() -> None:
    judge = RequestValidator(TOKEN)
    for signed_at in ("https://hub.example/x", "https://hub.example:443/x"):
        for url in ("https://hub.example/x", "https://hub.example:443/x"):
            signature = judge.compute_signature(signed_at, {"a": "1"})
            assert signature_matches(signature, TOKEN, called(url, b"a=1", signature))


def test_a_name_that_comes_twice_counts_with_each_of_its_values_once() -> None:
    class Fields(dict[str, Any]):
        def getlist(self, name: str) -> list[str]:
            return ["2", "1", "2"]

    signature = RequestValidator(TOKEN).compute_signature("https://hub.example/x", Fields(a=None))
    assert signature_matches(signature, TOKEN, called("https://hub.example/x", b"a=2&a=1&a=2", signature))


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_a_body_that_nothing_vouches_for_is_refused(content_type: str) -> None:
    url = "https://hub.example/x"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    assert signature_matches(signature, TOKEN, called(url, b"", signature, content_type))
    assert not signature_matches(signature, TOKEN, called(url, b'{"a": 1}', signature, content_type))


@pytest.mark.parametrize("url", ["https://hub.example:99999/x", "https://[::1/x", "https://hub.example:a/x"])
def test_an_address_that_is_none_matches_nothing(url: str) -> None:
    assert not signature_matches("x", TOKEN, called(url, b"a=1", "x"))


def test_a_form_of_too_many_fields_matches_nothing() -> None:
    body = "&".join(f"a{n}=1" for n in range(1001)).encode()
    assert not signature_matches("x", TOKEN, called("https://hub.example/x", body, "x"))
