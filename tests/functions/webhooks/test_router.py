"""Which view a provider's call reaches."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound

from functions.webhooks.router import Router
from functions.webhooks.views import ROUTES, any_account, any_challenge, any_channel, evolution, whatsapp_cloud

router = Router(ROUTES)


def test_a_word_comes_before_a_parameter_however_they_are_listed() -> None:
    assert router.match("POST", "/webhook/evolution") == (evolution, {})
    assert router.match("POST", "/webhook/whatsapp_cloud") == (whatsapp_cloud, {})
    assert router.match("POST", "/webhook/slack") == (any_account, {"channel_name": "slack"})
    assert router.match("POST", "/webhook/evolution/support") == (evolution, {"instance_name": "support"})


def test_every_parameter_is_one_segment() -> None:
    arguments = {"channel_name": "sms", "instance_key": "support", "suffix": "status"}
    assert router.match("POST", "/webhook/sms/support/status") == (any_channel, arguments)
    with pytest.raises(NotFound):
        router.match("POST", "/webhook/sms/support/status/more")


def test_a_route_of_another_method_leaves_the_call_to_the_next_that_fits() -> None:
    arguments = {"channel_name": "evolution", "instance_key": "support"}
    assert router.match("GET", "/webhook/evolution/support") == (any_challenge, arguments)


@pytest.mark.parametrize("path", ["/webhook/sms/support/", "//webhook/sms/support", "/webhook//sms/support"])
def test_needless_slashes_make_no_difference(path: str) -> None:
    assert router.match("POST", path) == (any_channel, {"channel_name": "sms", "instance_key": "support"})


def test_head_goes_where_get_goes() -> None:
    assert router.match("HEAD", "/webhook/sms/support")[0] is any_challenge


def test_a_path_with_other_methods_only_says_which() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        router.match("PUT", "/webhook/sms/support")
    assert refused.value.valid_methods == ["GET", "HEAD", "POST"]


@pytest.mark.parametrize("path", ["", "/", "/webhook", "/elsewhere/sms"])
def test_what_is_nobodys_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        router.match("POST", path)
