"""A browser, a hub with a widget, and a shop's page on another origin that shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from html import escape
from secrets import token_hex
from typing import Any

import pytest
import requests

from tests.browser.devtools import Browser, Page, program
from tests.eventually import eventually
from tests.infra.process import Process
from tests.stubs import Reply, Stub, stub_server

BROWSER_REQUIRED = os.environ.get("REQUIRE_EMULATORS") == "1"  # noqa: TID251  a switch of the tests, not of the hub
PHONE = (390, 844)
PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def running_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = program()
    if path is None and BROWSER_REQUIRED:
        pytest.fail("REQUIRE_EMULATORS=1, but there is no browser: apt-get install chromium-headless-shell")
    if path is None:
        pytest.skip("the widget's page is tested in a browser: install chromium-headless-shell or chromium")
    with closing(Browser(path, tmp_path_factory.mktemp("browser") / "profile")) as running:
        yield running


@pytest.fixture
def browser(running_browser: Browser) -> Iterator[Browser]:
    """A browser whose pages are closed after the test."""
    yield running_browser
    running_browser.close_pages()


@pytest.fixture(scope="module")
def hub_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one hub for all shops: a process takes longer to start than a test to run."""
    with closing(Process(tmp_path_factory.mktemp("hub"), REPLY_DEBOUNCE_SECONDS="0")) as hub:
        yield hub.url


@dataclass
class Shop:
    """A tenant of the hub with the widget `name`, and the shop's own page at `page_url`, on another origin."""

    hub_url: str
    host: Stub
    name: str = field(default_factory=lambda: f"shop-{token_hex(4)}")
    instance: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def chat_url(self) -> str:
        return f"{self.hub_url}/widget/{self.name}"

    @property
    def owner_email(self) -> str:
        return f"{self.name}@example.com"

    @property
    def page_url(self) -> str:
        return f"{self.host.url}/"

    def serve_page(self, policy: str = "", **attributes: str) -> None:
        """Serve the shop's page, with attributes on the widget's script and under a policy of its own."""
        extra_attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in attributes.items())
        source = f'src="{self.hub_url}/widget/embed.js" data-instance="{self.name}"'
        script = f"<script {source}{extra_attributes} async></script>"
        # The rules of the shop's own pages must not reach the widget.
        style = "<style>button { display: none !important } * { color: red !important }</style>" if not policy else ""
        head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{style}'
        page = (
            f"<!doctype html><html><head>{head}</head><body><h1>A shop</h1><a href='#x'>Cart</a>{script}</body></html>"
        )
        headers = {"content-type": "text/html"} | ({"content-security-policy": policy} if policy else {})
        self.host.on("GET", "/", Reply(text=page, headers=headers))

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, self.hub_url + path, json=body, headers=self.headers, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def echo(self) -> None:
        """Have every message answered with an echo."""
        self.api("POST", "/api/agents", {"name": "Echo"})

    def conversations(self) -> list[Any]:
        conversations: list[Any] = self.api("GET", "/api/conversations")["conversations"]
        return conversations

    def conversation(self) -> Any:
        """The one conversation that there is, as soon as it is there."""
        [conversation] = eventually(self.conversations)
        return conversation

    def visitor(self, name: str, text: str) -> None:
        """Have somebody of this name write to the shop."""
        url = f"{self.hub_url}/widget/{self.name}"
        token = requests.post(f"{url}/session", json={"name": name}, timeout=60).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.post(f"{url}/messages", json={"text": text}, headers=headers, timeout=60).ok

    def colleague(self, name: str, role: str = "agent") -> str:
        """Somebody else of the business, with the owner's password; returns their e-mail address."""
        email = f"{name.lower()}@{self.name}.example.com"
        link = self.api("POST", "/api/users", {"email": email, "role": role, "name": name})["link"]
        token = link.partition("token=")[2] or link.rpartition("/")[2]
        self.api("POST", "/api/auth/link", {"token": token, "password": PASSWORD})
        return email

    def answer(self, text: str, **more: Any) -> str:
        """Answer by hand in the one conversation there is; returns the message's id."""
        [conversation] = self.conversations()
        body = {"conversationId": conversation["id"], "text": text} | more
        return str(self.api("POST", "/api/messages/send", body)["message"]["id"])


@pytest.fixture
def shop(hub_url: str) -> Iterator[Shop]:
    with stub_server() as host:
        yield new_shop(hub_url, host)


@pytest.fixture
def other_shop(hub_url: str) -> Iterator[Shop]:
    """Another business on the same hub."""
    with stub_server() as host:
        yield new_shop(hub_url, host)


def new_shop(hub_url: str, host: Stub) -> Shop:
    """A new business with a widget, whose own page `host` serves."""
    shop = Shop(hub_url, host)
    owner = {"email": shop.owner_email, "password": PASSWORD}
    shop.headers = {"Authorization": f"Bearer {shop.api('POST', '/api/auth/register', owner)['accessToken']}"}
    config = {"title": "Bicycles", "greeting": "Ask us anything.", "color": "#0f766e", "csat": False}
    shop.instance = shop.api("POST", "/api/channels", {"name": shop.name, "type": "WIDGET", "config": config})["id"]
    shop.serve_page()
    return shop


@pytest.fixture
def chat(browser: Browser, shop: Shop) -> Page:
    """The widget's page by itself."""
    return browser.page(shop.chat_url)
