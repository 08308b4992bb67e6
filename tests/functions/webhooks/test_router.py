"""Which view handles a provider's request."""

from __future__ import annotations

from functools import partial

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound

from functions.webhooks.router import Router
from functions.webhooks.views import ROUTES, any_account, any_challenge, any_channel

router = Router(ROUTES)
EVOLUTION = "/webhook/evolution"
SUPPORT = "/webhook/evolution/<instance_name>"


def declared_route(method: str, path: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The channel, method and path of the declared route that a call reaches, and its parameters."""
    view, parameters = router.match(method, path)
    assert isinstance(view, partial)
    return view.args, parameters


def test_a_word_comes_before_a_parameter_however_they_are_listed() -> None:
    assert declared_route("POST", EVOLUTION) == (("whatsapp_evolution", "POST", EVOLUTION), {})
    assert declared_route("POST", "/webhook/whatsapp_cloud")[0][0] == "whatsapp_cloud"
    assert router.match("POST", "/webhook/slack") == (any_account, {"channel_name": "slack"})
    assert declared_route("POST", "/webhook/evolution/support") == (
        ("whatsapp_evolution", "POST", SUPPORT),
        {"instance_name": "support"},
    )


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
