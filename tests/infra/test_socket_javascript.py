"""The genuine library of web pages, socket.io-client 4 under Node.js, against the server."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest

from infra.sockets.server import SocketServer
from shared.deps import Deps
from tests.infra.clients import stored_instance, token_for
from tests.infra.hosting import hosted
from tests.node import JAVASCRIPT, need
from tests.overlaps import Clock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_page_whose_token_ran_out_joins_again_with_the_token_of_the_moment(deps: Deps, transport: str) -> None:
    node = need(JAVASCRIPT, "REQUIRE_JAVASCRIPT")
    stored_instance(deps)
    clock = Clock()
    timed = replace(deps, now=clock)
    tokens = [token_for(timed, "t1", seconds=seconds) for seconds in (600, 6000)]
    with hosted(SocketServer(timed, recheck_seconds=0.02)) as url:
        command = [node, "comes_back.mjs", url, transport, "i1", *tokens]
        with subprocess.Popen(command, cwd=JAVASCRIPT, stdout=subprocess.PIPE, text=True) as page:
            assert page.stdout is not None
            assert json.loads(page.stdout.readline()) == {"ok": True}
            clock.advance(seconds=700)
            assert json.loads(page.stdout.readline()) == {"ok": True}
            assert page.wait(timeout=30) == 0
