"""Setting a business up in the console: channels, agents, teams, people and keys, by whom and for whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from standardwebhooks import Webhook

from tests.browser.conftest import PASSWORD, PHONE, Shop
from tests.browser.console import SCREENS, add_settings, details, go
from tests.browser.devtools import Browser, Page
from tests.evolution import Evolution, recorded
from tests.infra.process import Process
from tests.stubs import Reply, stub_server

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror='window.hacked=1'>"


@pytest.fixture(scope="module")
def hub_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub that may call the servers of this machine."""
    directory = tmp_path_factory.mktemp("hub")
    with closing(Process(directory, REPLY_DEBOUNCE_SECONDS="0", UPSTREAM_ALLOWLIST="127.0.0.1")) as hub:
        yield hub.url


def _open(browser: Browser, shop: Shop, path: str, email: str | None = None, width: int = 1280) -> Page:
    """A screen of the console, after signing in as the owner or as somebody else."""
    page = browser.page(f"{shop.hub_url}/console{path}", width)
    page.until("document.querySelector('[name=password]')")
    _fill(page, email=email or shop.owner_email, password=PASSWORD)
    page.until("document.querySelector('.console main') && !document.querySelector('.skeleton')")
    return page


def _complaints(page: Page) -> list[str]:
    """What the browser said against the page, but for the refusal of a session that has not begun yet."""
    return [complaint for complaint in page.complaints if "/api/auth/refresh" not in complaint]


def _fill(page: Page, **values: str) -> None:
    """Type into the fields of a form, by their names, and send it."""
    for name, value in values.items():
        page.js(f"(document.querySelector('[name={name}]').focus(), document.activeElement.select())")
        page.type(value)
    page.js("document.activeElement.form.requestSubmit()")


def _type_into(page: Page, label: str, text: str) -> None:
    """Type into the field with this label."""
    find = f"[...document.querySelectorAll('label')].find((each) => each.textContent === {json.dumps(label)})"
    page.until(find)
    page.js(f"{find}.control.select()")
    page.type(text)


def _press(page: Page, name: str) -> None:
    """Follow the link, or press the button, of this name."""
    controls = "[...document.querySelectorAll('a[href], button')]"
    find = f"{controls}.find((each) => (each.ariaLabel ?? each.textContent).trim() === {json.dumps(name)})"
    page.until(f"((control) => (control?.click(), control))({find})")


def _says(page: Page, text: str) -> None:
    page.until(f"document.querySelector('main').innerText.includes({json.dumps(text)})")


def test_a_code_is_shown_and_the_channel_is_connected_as_soon_as_it_was_scanned(browser: Browser, shop: Shop) -> None:
    with stub_server() as host:
        evolution = Evolution(host)
        page = _open(browser, shop, "/channels/new/whatsapp_evolution")
        _type_into(page, "Address of the Evolution server", host.url)
        _type_into(page, "Global API key of the Evolution server", "the-key")
        _fill(page, name="Phone")
        _press(page, "Show the code")
        page.until("document.querySelector('.scan img')?.naturalWidth > 100")
        _says(page, "A new code comes in ")

        evolution.state = "open"
        hook = evolution.hook
        body = recorded("connection.update-open")
        assert requests.post(hook["url"], json=body, headers=hook["headers"], timeout=60).ok
        page.until("document.querySelector('.status.good')")
        _says(page, "All is well")
        assert _complaints(page) == []


_NOTES_REFUSALS = """
(() => {
  const real = window.fetch;
  window.refused = [];
  window.fetch = async (path, options) => {
    const answer = await real(path, options);
    if (answer.status === 403) window.refused.push(`${options?.method ?? "GET"} ${path}`);
    return answer;
  };
})()
"""
_USES_ALL = """
(async () => {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 30));
  const all = "main button:not(:disabled), main input[type=checkbox]:not(:disabled)";
  const isEnd = (control) => /Sign out/.test(control.ariaLabel ?? control.textContent);
  const controls = () => [...document.querySelectorAll(all)].filter((control) => !isEnd(control));
  for (let index = 0; index < controls().length && index < 60; index += 1) {
    controls()[index].click();
    await pause();
    const dialog = document.querySelector("dialog[open]");
    dialog?.querySelector("button.primary, button.danger")?.click();
    if (dialog) await pause();
    document.querySelector("dialog[open]")?.close();
  }
})()
"""
"""Presses every button of a screen but that for signing out, and agrees to what is asked."""


def test_whoever_may_only_look_is_offered_nothing_that_is_refused(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    add_settings(shop)
    page = _open(browser, shop, "/channels", shop.colleague("Vic", "viewer"))
    page.js(_NOTES_REFUSALS)
    hidden = ("delivery", "webhooks", "audit", "channels/new", "campaigns/new")
    for path in [each for each in [*SCREENS, *details(shop)] if not each.startswith(hidden)]:
        go(page, path)
        page.js(_USES_ALL)
        assert page.js("window.refused") == [], path


def test_a_colleague_is_invited_and_a_key_is_shown_once(browser: Browser, shop: Shop) -> None:
    page = _open(browser, shop, "/people")
    _press(page, "Invite somebody")
    page.until("document.querySelector('dialog [name=email]')")
    assert page.js("document.querySelectorAll('dialog').length") == 1
    _fill(page, email="bob@example.com")
    page.until("document.querySelector('dialog input[readonly]')?.value.includes('/api/auth/link?token=')")
    link = page.js("document.querySelector('dialog input[readonly]').value")
    _press(page, "Close")
    _says(page, "bob@example.com")

    colleague = browser.page(link)
    _fill(colleague, name="Bob", password=PASSWORD)
    colleague.until("document.querySelector('.console')")

    _press(page, "Create a key")
    page.until("document.querySelector('dialog [name=scope]')")
    _fill(page, name="Shop")
    page.until("document.querySelector('dialog input[readonly]')?.value.startsWith('omh_')")
    key = page.js("document.querySelector('dialog input[readonly]').value")
    assert requests.get(f"{shop.hub_url}/api/tenant", headers={"X-API-Key": key}, timeout=60).ok
    _press(page, "Close")
    _says(page, "Shop")
    assert key not in page.js("document.body.innerText")


def test_names_are_no_markup_and_what_belongs_to_others_is_not_there(browser: Browser, shop: Shop) -> None:
    shop.api("POST", "/api/channels", {"name": MARKUP, "type": "WIDGET"})
    agent = shop.api("POST", "/api/agents", {"name": MARKUP, "prompt": MARKUP})["id"]
    team = shop.api("POST", "/api/teams", {"name": MARKUP, "leadAgentId": agent})["id"]
    page = _open(browser, shop, "/channels", width=PHONE[0])
    for path in ("/channels", "/agents", f"/agents/{agent}", "/teams", f"/teams/{team}", "/people"):
        page.open(f"{shop.hub_url}/console{path}")
        page.until("document.querySelector('main') && !document.querySelector('.skeleton')")
        if path != "/people":
            _says(page, MARKUP)
        assert page.js("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert page.js("window.hacked") is None
    assert _complaints(page) == []
    page.open(f"{shop.hub_url}/console/channels/somebody-elses")
    page.until("document.querySelector('[role=alert]')")


def test_a_webhook_is_added_its_secret_is_shown_once_and_a_test_shows_what_was_sent(
    browser: Browser, shop: Shop
) -> None:
    with stub_server() as receiver:
        receiver.on("POST", "/hook", Reply(200, text="thank you"))
        page = _open(browser, shop, "/webhooks/new")
        _fill(page, url=f"{receiver.url}/hook", description="Back end")
        page.until("document.querySelector('dialog input[readonly]')?.value.startsWith('whsec_')")
        secret = page.js("document.querySelector('dialog input[readonly]').value")
        _press(page, "I have kept it")
        _press(page, "Send a test")
        _says(page, "webhook-test")
        _press(page, "Show what was sent and answered")
        page.until("document.querySelector('dialog')?.innerText.includes('thank you')")
        assert page.js("document.querySelector('dialog pre').innerText").startswith("{")
        _press(page, "Close")
        [request] = receiver.to("/hook")
        Webhook(secret).verify(request.body, dict(request.headers))
        assert secret not in page.js("document.body.innerText")
        assert _complaints(page) == []


def test_the_audit_log_shows_who_changed_what_and_its_chain_is_checked(browser: Browser, shop: Shop) -> None:
    shop.echo()
    page = _open(browser, shop, "/audit")
    _says(page, "POST /api/agents")
    page.js("document.querySelector('tbody tr .row-actions button').click()")
    page.until("document.querySelector('dialog[open] tbody')")
    _press(page, "Close")
    _press(page, "Check the chain")
    _says(page, "Chain verified")
    assert _complaints(page) == []


def test_a_message_nobody_answered_has_a_journey_that_says_why(browser: Browser, shop: Shop) -> None:
    shop.visitor("Mia", "hello")
    page = _open(browser, shop, f"/inbox/open/{shop.conversation()['id']}")
    page.until("document.querySelector('.line-menu button')")
    page.js("document.querySelector('.line-menu button').click()")
    page.js("[...document.querySelectorAll('[role=menuitem]')].find((each) => /Journey/.test(each.innerText)).click()")
    page.until("/Received[^]*Stored[^]*Nobody answered/.test(document.querySelector('dialog .journey')?.innerText)")
    assert _complaints(page) == []
