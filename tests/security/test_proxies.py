"""Whose address a call is taken to be from, over the hub's own server."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http.client import HTTPResponse

import pytest

from functions.omnichat.auth import api as auth
from infra.local.server.request_bodies import RequestBodies
from shared.deps import Deps
from shared.http.app import MAX_BODY, body_limit
from shared.security.buckets import Buckets
from shared.usecases.accounts.sign_ins import WRONG_REFRESHES
from tests.apps import create_app
from tests.infra.bridging import ask, bridged


@pytest.mark.parametrize(("proxies", "last_status"), [(0, 429), (1, 401)])
def test_what_a_caller_on_this_machine_says_of_their_address_counts_only_with_proxies(
    deps: Deps, proxies: int, last_status: int
) -> None:
    settings = deps.settings.model_copy(update={"trusted_proxies": proxies})
    behind = replace(deps, settings=settings, buckets=Buckets(lambda: 0.0))
    app = create_app(behind, [auth])

    def sign_in(number: int) -> HTTPResponse:
        headers = {
            "Content-Type": "application/json",
            "X-Forwarded-For": f"203.0.113.{number}",
            "X-Forwarded-Proto": "https",
        }
        return ask(address, "POST", "/api/auth/refresh", b'{"refreshToken": "guess"}', headers)[0]

    with bridged(behind, app, RequestBodies(MAX_BODY, partial(body_limit, app))) as address:
        statuses = [sign_in(number).status for number in range(WRONG_REFRESHES.per_minute + 1)]
    assert set(statuses[:-1]) == {401}
    assert statuses[-1] == last_status
