"""The console with much, with strange things, with several people, and with what is not theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.browser.conftest import PHONE, Shop
from tests.browser.console import (
    LINES,
    LIVE,
    MARKUP,
    OPENS_ONE,
    ROWS,
    TEXT,
    choose,
    complaints,
    has_many,
    hold_what_is_sent,
    open_console,
    press,
    shows,
    write,
)
from tests.browser.devtools import Browser

pytestmark = pytest.mark.slow


def test_a_conversation_is_opened_with_four_requests(browser: Browser, shop: Shop) -> None:
    for name in ("Ada", "Bob"):
        shop.visitor(name, "Hello")
    page = open_console(browser, shop)
    choose(page, "Bob")
    page.until("document.querySelector('.customer-body')")
    page.until("document.querySelector('.bell')")
    # Nothing that Bob's conversation has asked for is still to come.
    page.js("new Promise((resolve) => setTimeout(resolve, 3000))")
    page.js("performance.clearResourceTimings()")
    choose(page, "Ada")
    page.until("document.querySelector('.customer-body')")
    page.until("!document.querySelector('.skeleton')")
    paths: list[str] = page.js(
        "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname + new URL(name).search)"
    )
    # What the list and the bell ask for now and then belongs to no conversation.
    opened = [path for path in paths if "/api/inbox" not in path and "/api/notifications" not in path]
    assert len(opened) <= 4, opened


def test_a_change_of_one_row_of_20_000_draws_no_other(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    shows(page, "Ada")
    has_many(page, 20_000)
    page.js(
        """window.changed = new Set();
        new MutationObserver((records) => records.forEach(({ target }) => {
          const row = (target.closest ? target : target.parentElement).closest('.virtual-list li');
          if (row) changed.add(row);
        })).observe(document.querySelector('.virtual-list'), { subtree: true, childList: true, characterData: true })"""
    )
    third = "{...live.list.value.entries[2].row.value}"
    page.js(f"live.merge([{{...{third}, customerName: 'Someone else'}}])")
    page.until(f"{ROWS}[2] === 'Someone else'")
    assert page.js("changed.size") == 1


OPENED = 120
"""Conversations that are opened one after the other; the first quarter fills what is kept of the last ones."""
MOST_GROWTH = 15_000
"""Bytes that each conversation may leave behind, the noise of the heap among them; one that is kept takes 80,000."""


def test_memory_stays_as_it_is_however_many_conversations_are_opened(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    shows(page, "Ada")
    choose(page, "Ada")
    page.until("document.querySelector('.customer-panel, .customer-body')")
    page.js("document.querySelector('.conversation-head [aria-pressed=true]').click()")
    has_many(page, OPENED)
    page.js(OPENS_ONE)
    sizes = []
    for start, end in ((0, OPENED // 4), (OPENED // 4, OPENED)):
        page.js(f"(async () => {{ for (let index = {start}; index < {end}; index += 1) await openOne(index); }})()")
        sizes.append(page.heap_bytes())
    assert sizes[1] - sizes[0] < MOST_GROWTH * OPENED * 3 / 4, sizes


def test_two_people_see_each_other_write(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page, colleagues = open_console(browser, shop), open_console(browser, shop, shop.colleague("Bob"))
    for each in (page, colleagues):
        choose(each, "Ada")
    hold_what_is_sent(colleagues)
    write(colleagues, "I have")
    page.until("document.querySelector('.typing')?.textContent.includes('Bob')")
    press(colleagues, "Take")
    page.until("document.querySelector('.turn.human')?.textContent.includes('Bob')")
    press(colleagues, "Send")
    press(colleagues, "Send now")
    page.wait(lambda: page.js(LINES) == ["Hello", "I have"], "both see the answer")


def test_what_happened_during_a_sleep_is_told_afterwards(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    page.js(f"{LIVE}.then((live) => void (window.live = live))")
    page.until("live.connection.value === 'live'")
    page.js(
        """(() => {
          const Real = WebSocket;
          window.joins = [];
          window.WebSocket = class extends Real {
            send(frame) {
              if (frame.startsWith("420")) joins.push(JSON.parse(frame.slice(3))[1].since);
              super.send(frame);
            }
          };
        })()"""
    )
    page.call("Network.enable")
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.call("Network.emulateNetworkConditions", offline=True, **conditions)
    page.until("document.querySelector('.connection p')")
    message = shop.answer("While you slept")
    page.call("Network.emulateNetworkConditions", offline=False, **conditions)
    page.wait(lambda: page.js(LINES) == ["Hello", "While you slept"], message)
    assert [type(since) for since in page.js("joins")] == [str]


def test_what_belongs_to_another_business_is_not_there(browser: Browser, shop: Shop, other_shop: Shop) -> None:
    other_shop.visitor("Secret Ada", "Hello")
    other_shop.echo()
    conversation = other_shop.conversation()
    [agent] = other_shop.api("GET", "/api/agents")["agents"]
    page = open_console(browser, shop)
    places = [f"inbox/open/{conversation['id']}", f"channels/{other_shop.instance}", f"agents/{agent['id']}"]
    for place in places:
        page.open(f"{shop.hub_url}/console/{place}")
        page.until(
            "document.querySelector('[role=alert], .conversation-place h2') && !document.querySelector('.skeleton')"
        )
        text = page.js("document.body.innerText")
        assert not any(secret in text for secret in ("Secret Ada", other_shop.name, "Echo")), place


def test_names_of_files_and_what_is_known_of_customers_are_no_markup(browser: Browser, shop: Shop) -> None:
    attack = MARKUP[0]
    shop.visitor("Ada", "Hello")
    conversation = shop.conversation()
    [customer] = shop.api("GET", "/api/customers")["customers"]
    fields = {"customFields": {"note": attack}, "tags": [attack], "email": "ada@example.com"}
    shop.api("PATCH", f"/api/customers/{customer['id']}", fields)
    upload = requests.post(
        f"{shop.hub_url}/api/files", params={"fileName": attack}, data=b"%PDF-1.7", headers=shop.headers, timeout=60
    ).json()
    shop.answer("See", attachments=[{"type": "document", "fileId": upload["id"]}])
    shop.api("POST", f"/api/conversations/{conversation['id']}/notes", {"text": attack})
    page = open_console(browser, shop)
    choose(page, "Ada")
    page.until("document.querySelector('.customer-body') && document.querySelector('.line .file')")
    page.wait(lambda: str(page.js("document.body.innerText")).count(attack) >= 3, "they are shown as they are")
    assert page.js("window.hacked") is None
    assert complaints(page) == []


HARD = {
    "مرحبا بالعالم": "شكرا جزيلا https://shop.example/طلب",
    "👩‍👩‍👧‍👦 Ada 🇧🇷": "🙏" * 200,
    "x" * 100: "long" * 2000,
}
"""Names and texts that are hard to lay out: right to left, emoji of several characters, without a place to break."""


@pytest.mark.parametrize("width", [PHONE[0], 1280])
def test_hard_names_and_texts_fit_and_a_broken_picture_says_so(browser: Browser, shop: Shop, width: int) -> None:
    for name, text in HARD.items():
        shop.visitor(name, text)
    page = open_console(browser, shop, width=width)
    shows(page, *reversed(HARD))
    for name in HARD:
        choose(page, name)
        page.until(f"{TEXT}")
        assert page.js("document.documentElement.scrollWidth") == width, name
        assert page.js("[...document.querySelectorAll('.line .text')].every((text) => text.dir === 'auto')")
        if width == PHONE[0]:
            page.js("document.querySelector('.conversation-head .back').click()")
    [newest, *_] = _rows(shop)
    files: list[Any] = [{"type": "image", "url": "https://gone.example/a.png", "fileName": "a.png"}]
    shop.api("POST", "/api/messages/send", {"conversationId": newest["id"], "text": "Look", "attachments": files})
    choose(page, newest["customerName"])
    page.until("document.querySelector('.line.human .file, .line.human .picture')")
    page.until("!document.querySelector('.line.human img') || document.querySelector('.line.human .file.gone')")
    assert page.js("document.documentElement.scrollWidth") == width


def _rows(shop: Shop) -> list[Any]:
    rows: list[Any] = shop.api("GET", "/api/inbox?view=open")["conversations"]
    return rows


def test_a_persons_choices_are_kept_by_the_hub_and_the_business_has_a_name(browser: Browser, shop: Shop) -> None:
    page = open_console(browser, shop, path="/console/settings")
    page.until("document.querySelector('[name=days]')")
    zone = "document.querySelector('select:has([value=\"Asia/Tokyo\"])')"
    page.js(f"{zone}.value = 'Asia/Tokyo'; {zone}.dispatchEvent(new Event('change', {{ bubbles: true }}))")
    page.wait(lambda: shop.api("GET", "/api/me")["timeZone"] == "Asia/Tokyo", "the zone is kept")
    for name, value in {"name": "Ann"}.items():
        page.js(f"document.querySelector('[name={name}]').value = {json.dumps(value)}")
    page.js("document.querySelector('[name=name]').form.requestSubmit()")
    page.wait(lambda: shop.api("GET", "/api/me")["name"] == "Ann", "the name is kept")
    business = "document.querySelector('[name=days]').form"
    page.js(
        f"{business}.elements.name.value = 'Wheels'; {business}.elements.days.value = '30'; {business}.requestSubmit()"
    )
    page.wait(lambda: shop.api("GET", "/api/tenant")["name"] == "Wheels", "the business has another name")
    page.wait(lambda: shop.api("GET", "/api/settings").get("filesKeptDays") == 30, "files are kept for 30 days")
    # In another browser of the same person, whose clock is in another zone.
    other = open_console(browser, shop)
    other.until("localStorage.getItem('hub:zone') === 'Asia/Tokyo'")
    assert complaints(other) == []
