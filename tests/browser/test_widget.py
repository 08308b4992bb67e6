"""The widget as people meet it: in a real browser, on a page of its own and on a shop's page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.browser.conftest import PHONE, Shop
from tests.browser.devtools import Browser, Page
from tests.stubs import Reply

pytestmark = pytest.mark.slow

BUBBLES = "[...document.querySelectorAll('.bubble')].map((bubble) => bubble.textContent)"
FOCUSED = "document.activeElement.id"
LAUNCHER = "document.getElementById('hub-widget').shadowRoot.querySelector('.launcher')"
PANEL = "document.getElementById('hub-widget').shadowRoot.querySelector('.panel')"

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def _say(page: Page, text: str) -> None:
    page.type(text)
    page.press("Enter")


def _shows(page: Page, *texts: str, frame: str | None = None) -> None:
    page.wait(lambda: page.js(BUBBLES, frame) == list(texts), f"the bubbles are {texts}")


def _click(page: Page, element: str) -> None:
    box = f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({element}.getBoundingClientRect())"
    page.click(*page.js(box))


def _open(page: Page, shop: Shop) -> str:
    """Open the panel on the shop's page; returns the frame to ask about."""
    page.until("document.getElementById('hub-widget')")
    _click(page, LAUNCHER)
    page.until(f"{FOCUSED} === 'text'", shop.hub_url)
    return shop.hub_url


def _is_loaded_until(page: Page, shop: Shop, expression: str) -> None:
    """Load the chat's page again until it knows what was changed."""

    def look() -> object:
        page.open(shop.chat_url)
        return page.js(expression)

    page.wait(look, expression)


def test_a_visitor_writes_is_answered_at_once_and_finds_it_again(browser: Browser, shop: Shop, chat: Page) -> None:
    shop.echo()
    assert chat.js("document.getElementById('greeting').textContent") == "Ask us anything."
    chat.type("first line")
    chat.press("Enter", shift=True)
    _say(chat, "second line")
    text = "first line\nsecond line"
    _shows(chat, text, f"Echo: {text}")
    chat.open(shop.chat_url)
    _shows(chat, text, f"Echo: {text}")
    assert len(shop.conversations()) == 1
    assert chat.complaints == []


def test_an_answer_by_hand_comes_over_the_socket(shop: Shop, chat: Page) -> None:
    _say(chat, "Anybody there?")
    chat.wait(shop.conversations, "the conversation is there")
    # The page asks by itself again only after a minute, once it is connected.
    chat.until("performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/messages'))")
    shop.answer(
        "Yes!", attachments=[{"type": "document", "url": "https://files.example/list.pdf", "fileName": "list.pdf"}]
    )
    _shows(chat, "Anybody there?", "Yes!list.pdf")
    link = "(({href, rel, target}) => [href, rel, target])(document.querySelector('.bubble a'))"
    assert chat.js(link) == ["https://files.example/list.pdf", "noopener noreferrer", "_blank"]


def test_an_answer_changes_and_goes_before_the_visitors_eyes(shop: Shop, chat: Page) -> None:
    _say(chat, "Anybody there?")
    chat.wait(shop.conversations, "the conversation is there")
    message = f"/api/messages/{shop.answer('Yess!')}"
    _shows(chat, "Anybody there?", "Yess!")
    shop.api("PATCH", message, {"text": "Yes!"})
    _shows(chat, "Anybody there?", "Yes!")
    shop.api("DELETE", message)
    _shows(chat, "Anybody there?")


def test_the_visitor_sees_that_an_answer_is_being_written(shop: Shop, chat: Page) -> None:
    _say(chat, "Anybody there?")
    chat.wait(shop.conversations, "the conversation is there")
    [conversation] = shop.conversations()

    def sees_it() -> bool:
        shop.api("POST", f"/api/conversations/{conversation['id']}/typing")
        time.sleep(0.5)  # clients repeat it while somebody writes; what is not heard yet is kept nowhere
        return bool(chat.js("document.getElementById('state').textContent.startsWith('Writing')"))

    chat.wait(sees_it, "an answer is being written")
    shop.answer("Yes!")
    _shows(chat, "Anybody there?", "Yes!")
    chat.until("document.getElementById('state').textContent === ''")


def test_nothing_that_is_said_becomes_markup(shop: Shop, chat: Page) -> None:
    attack = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>javascript:alert(1)'
    _say(chat, attack)
    chat.wait(shop.conversations, "the conversation is there")
    shop.answer(attack)
    _shows(chat, attack, attack)
    assert chat.js("document.querySelectorAll('.bubble *').length") == 0
    assert chat.js("window.hacked") is None
    assert chat.complaints == []


def test_the_policy_stops_code_that_is_not_the_pages_own(chat: Page) -> None:
    chat.js(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked=1\">'),"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hacked=1'}))"
    )
    chat.wait(lambda: chat.js("0") == 0 and chat.complaints, "the browser refused it")
    assert chat.js("window.hacked") is None


def test_a_message_that_cannot_be_sent_is_offered_again_and_said_once(shop: Shop, chat: Page) -> None:
    _say(chat, "one")
    chat.wait(shop.conversations, "the conversation is there")
    chat.call("Network.enable")
    chat.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    _say(chat, "two")
    chat.until("document.querySelector('.failed button')")
    chat.until("document.getElementById('state').textContent")
    chat.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    _click(chat, "document.querySelector('.failed button')")
    _shows(chat, "one", "two")
    chat.until("!document.querySelector('.failed') && !document.querySelector('.waiting')")
    [conversation] = shop.conversations()
    messages = shop.api("GET", f"/api/conversations/{conversation['id']}/messages")["messages"]
    assert [message["text"] for message in messages] == ["one", "two"]


def _asks_for_older(chat: Page) -> bool:
    if not chat.js("document.getElementById('older').hidden"):
        script = "const b = document.getElementById('older'); b.scrollIntoView({behavior: 'instant'}); return b"
        _click(chat, f"(() => {{ {script} }})()")
    return bool(chat.js("document.getElementById('older').hidden"))


def test_what_was_said_long_ago_is_a_click_away(shop: Shop, chat: Page) -> None:
    shop.api("PATCH", f"/api/channels/{shop.instance}", {"config": {"messagesPerMinute": 0}})
    for number in range(55):
        _say(chat, str(number))
    chat.until("document.querySelectorAll('time').length === 55")
    [conversation] = shop.conversations()
    path = f"/api/conversations/{conversation['id']}/messages?limit=100"
    chat.wait(lambda: len(shop.api("GET", path)["messages"]) == 55, "all are stored")
    chat.open(shop.chat_url)
    _shows(chat, *[str(number) for number in range(5, 55)])
    # The page may still scroll to its end, away from under the pointer.
    chat.wait(lambda: _asks_for_older(chat), "the older ones are there")
    _shows(chat, *[str(number) for number in range(55)])
    assert chat.js("document.getElementById('older').hidden")


def test_a_token_that_is_no_longer_good_makes_a_new_visitor(shop: Shop, chat: Page) -> None:
    _say(chat, "one")
    chat.wait(shop.conversations, "the conversation is there")
    chat.js(f"localStorage.setItem('hub-widget:{shop.instance}', 'a.b.c')")
    chat.open(shop.chat_url)
    _say(chat, "two")
    chat.wait(lambda: len(shop.conversations()) == 2, "there are two conversations")


@pytest.mark.parametrize("size", [PHONE, (1280, 800), (320, 480)], ids=str)
def test_everything_fits_and_can_be_hit(browser: Browser, shop: Shop, size: tuple[int, int], tmp_path: Path) -> None:
    shop.echo()
    page = browser.page(shop.chat_url, *size)
    _say(page, "long" * 100)
    page.until("document.querySelectorAll('.bubble').length === 2")
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    boxes: list[Any] = page.js(
        "['text', 'send'].map((id) => document.getElementById(id).getBoundingClientRect())"
        ".map(({width, height, bottom, right}) => [width, height, bottom, right])"
    )
    for width, height, bottom, right in boxes:
        assert (width >= 44, height >= 44, bottom <= size[1], right <= size[0]) == (True,) * 4
    assert page.screenshot(tmp_path / "page.png").stat().st_size > 1000


_CONTRASTS = """
[...document.querySelectorAll('h1, #greeting, .bubble, .note, #send, #text')].map((element) => {
  const light = (color) => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  const pair = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)];
  return Math.max(...pair) / Math.min(...pair);
})
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("color", ["#0f766e", "#ffe600", "#000000", "#ffffff", "#777777"])
def test_words_stand_out_whatever_the_owners_color(browser: Browser, shop: Shop, scheme: str, color: str) -> None:
    shop.echo()
    page = browser.page(f"{shop.chat_url}#color={color.replace('#', '%23')}")
    page.prefer(prefers_color_scheme=scheme)
    _say(page, "Hello")
    _shows(page, "Hello", "Echo: Hello")
    contrasts: list[float] = page.js(_CONTRASTS)
    assert len(contrasts) == 8
    assert min(contrasts) >= 4.5


def test_nothing_moves_for_those_who_want_it_so(shop: Shop, chat: Page) -> None:
    shop.echo()
    moving = "getComputedStyle(document.querySelector('li.new:last-child')).animationName"
    _say(chat, "Hello")
    _shows(chat, "Hello", "Echo: Hello")
    assert chat.js(moving) == "appear"
    chat.prefer(prefers_reduced_motion="reduce")
    assert chat.js(moving) == "none"
    assert chat.js("getComputedStyle(document.getElementById('scroll')).scrollBehavior") == "auto"


def test_assistive_technology_is_told_what_is_what_and_what_is_new(shop: Shop, chat: Page) -> None:
    shop.echo()
    _say(chat, "Hello")
    _shows(chat, "Hello", "Echo: Hello")
    accessible = chat.accessible()
    for what in [("heading", "Bicycles"), ("log", "Messages"), ("textbox", "Your message"), ("button", "Send")]:
        assert what in accessible
    assert {("StaticText", "You"), ("StaticText", "Echo · automatic")} <= set(accessible)
    item_texts = "[...document.querySelectorAll('li')].map(({textContent}) => textContent.split(/\\d/)[0])"
    assert chat.js(item_texts) == ["You: Hello", "Echo · automatic: Echo: Hello"]
    assert chat.js("document.getElementById('log').getAttribute('aria-live')") == "polite"
    assert chat.js("document.documentElement.lang") == "en"


def test_the_keyboard_reaches_everything(chat: Page) -> None:
    assert chat.js(FOCUSED) == "text"
    reached = []
    for _ in range(3):
        chat.press("Tab")
        reached.append(chat.js(FOCUSED))
    assert reached[0] == "send"
    assert "scroll" in reached


@pytest.mark.parametrize("size", [PHONE, (1280, 800)], ids=str)
def test_on_a_shops_page_a_button_opens_the_chat(browser: Browser, shop: Shop, size: tuple[int, int]) -> None:
    shop.echo()
    page = browser.page(shop.page_url, *size)
    page.until("document.getElementById('hub-widget')")
    assert page.js(f"[{LAUNCHER}.ariaLabel, {LAUNCHER}.ariaExpanded, {PANEL}.hidden]") == [
        "Chat with us",
        "false",
        True,
    ]
    assert page.js("document.querySelectorAll('iframe').length") == 0
    frame = _open(page, shop)
    assert page.js(f"[{LAUNCHER}.ariaLabel, {LAUNCHER}.ariaExpanded, {PANEL}.hidden]") == ["Close chat", "true", False]
    _say(page, "Hello")
    _shows(page, "Hello", "Echo: Hello", frame=frame)
    box = f"(({{x, y, right, bottom}}) => [x, y, right, bottom])({PANEL}.getBoundingClientRect())"
    if size == PHONE:  # once it has slid in
        page.wait(lambda: page.js(box) == [0, 0, *size], "the chat fills the screen")
    else:
        assert page.js(box) != [0, 0, *size]
    assert page.complaints == []


@pytest.mark.parametrize("leave", ["escape", "button"])
def test_leaving_the_chat_gives_the_focus_back(browser: Browser, shop: Shop, leave: str) -> None:
    page = browser.page(shop.page_url)
    frame = _open(page, shop)
    if leave == "escape":
        page.press("Escape")
    else:
        page.js("document.getElementById('close').click()", frame)
    page.until(f"{PANEL}.hidden")
    assert page.js("document.getElementById('hub-widget').shadowRoot.activeElement.className") == "launcher"


def test_an_answer_while_the_chat_is_closed_is_counted_on_the_button(browser: Browser, shop: Shop) -> None:
    page = browser.page(shop.page_url)
    frame = _open(page, shop)
    _say(page, "Anybody there?")
    page.wait(shop.conversations, "the conversation is there")
    page.until("document.querySelector('.bubble') && !document.querySelector('.waiting')", frame)
    page.press("Escape")
    page.until(f"{PANEL}.hidden")
    shop.answer("Yes!")
    page.until(f"{LAUNCHER}.ariaLabel === 'Chat with us, 1 new message'")
    assert page.js(f"{LAUNCHER}.textContent") == "1"
    _open(page, shop)
    _shows(page, "Anybody there?", "Yes!", frame=frame)
    assert page.js(f"{LAUNCHER}.ariaLabel") == "Close chat"


def test_the_shop_may_say_who_the_visitor_is_and_how_the_button_looks(browser: Browser, shop: Shop) -> None:
    shop.serve_page(name="Ada & Co", email="ada@example.com", title="Ask us", color="#ffe600")
    page = browser.page(shop.page_url)
    frame = _open(page, shop)
    colors = f"[getComputedStyle({LAUNCHER}).backgroundColor, getComputedStyle({LAUNCHER}).color]"
    assert page.js(colors) == ["rgb(255, 230, 0)", "rgb(0, 0, 0)"]
    assert page.js("getComputedStyle(document.querySelector('header')).backgroundColor", frame) == "rgb(255, 230, 0)"
    _say(page, "Hello")
    page.wait(shop.conversations, "the conversation is there")
    assert [each["customerName"] for each in shop.conversations()] == ["Ada & Co"]


def test_who_is_signed_in_at_the_shop_finds_their_chat_and_leaves_nothing_behind(browser: Browser, shop: Shop) -> None:
    secret = "s" * 40
    shop.api("PATCH", f"/api/channels/{shop.instance}", {"config": {"identitySecret": secret}})
    proof = hmac.new(secret.encode(), b"42", hashlib.sha256).hexdigest()

    def opened(*texts: str, **attributes: str) -> tuple[Page, str]:
        shop.serve_page(**attributes)
        page = browser.page(shop.page_url)
        frame = _open(page, shop)
        _shows(page, *texts, frame=frame)
        return page, frame

    signed_in = {"user-id": "42", "user-hash": proof}
    page, frame = opened(**signed_in)
    _say(page, "Where is my order?")
    page.wait(shop.conversations, "the conversation is there")
    assert page.js("localStorage.length", frame) == 0
    shop.answer("On its way")
    _shows(page, "Where is my order?", "On its way", frame=frame)
    opened()
    opened("Where is my order?", "On its way", **signed_in)


def test_it_works_under_a_strict_policy_of_the_shop(browser: Browser, shop: Shop) -> None:
    shop.echo()
    shop.serve_page(policy=f"default-src 'none'; script-src {shop.hub_url}; frame-src {shop.hub_url}")
    page = browser.page(shop.page_url)
    frame = _open(page, shop)
    _say(page, "Hello")
    _shows(page, "Hello", "Echo: Hello", frame=frame)
    assert page.js(f"getComputedStyle({LAUNCHER}).position") == "fixed"


def test_a_page_that_is_not_on_the_owners_list_cannot_show_it(browser: Browser, shop: Shop) -> None:
    shop.api("PATCH", f"/api/channels/{shop.instance}", {"config": {"allowedOrigins": ["https://shop.example"]}})
    page = browser.page(shop.page_url)
    page.until("document.getElementById('hub-widget')")
    _click(page, LAUNCHER)
    page.wait(lambda: page.js("0") == 0 and "frame-ancestors" in str(page.complaints), "the browser refused the frame")


def test_an_agents_marks_are_shown_and_its_html_is_not(shop: Shop, chat: Page) -> None:
    markdown = "**Hi** <img src=x onerror='window.hacked=1'>, see [the `shop`](https://shop.example)\n```\n<b>\n```"
    shop.host.on("POST", "/api/v1/agent/support/run", Reply(json={"message": markdown}))
    agent = {"agent_api_url": shop.host.url, "agent_api_key": "key", "default_agent": "support"}
    shop.api("PUT", f"/api/v1/instances/{shop.name}", agent)
    _say(chat, "Hello")
    _shows(chat, "Hello", "Hi <img src=x onerror='window.hacked=1'>, see the shop\n<b>")
    rendered_elements = (
        "[...document.querySelectorAll('.bubble *')].map(({tagName, textContent}) => [tagName, textContent])"
    )
    assert chat.js(rendered_elements) == [["STRONG", "Hi"], ["A", "the shop"], ["CODE", "<b>"]]
    assert chat.js("document.querySelector('.bubble a').href") == "https://shop.example/"
    assert chat.js("window.hacked") is None
    assert chat.complaints == []


def test_the_launcher_has_the_channels_color_and_the_visitors_language(browser: Browser, shop: Shop) -> None:
    shop.api("PATCH", f"/api/channels/{shop.instance}", {"config": {"title": "Chat with us"}})
    shop.serve_page(language="de")
    page = browser.page(shop.page_url)
    frame = _open(page, shop)
    assert page.js(f"getComputedStyle({LAUNCHER}).backgroundColor") == "rgb(15, 118, 110)"
    assert page.js(f"{LAUNCHER}.ariaLabel") == "Chat schließen"
    assert page.js("document.documentElement.lang", frame) == "de"
    assert page.js("document.getElementById('send').textContent", frame) == "Senden"
    assert page.complaints == []


def test_people_and_bots_have_names_and_are_told_apart(shop: Shop, chat: Page) -> None:
    shop.echo()
    _say(chat, "Hello")
    _shows(chat, "Hello", "Echo: Hello")
    shop.api("PATCH", "/api/me", {"name": "Ann"})
    shop.answer("It is me")
    shop.answer("again")
    _shows(chat, "Hello", "Echo: Hello", "It is me", "again")
    names = "[...document.querySelectorAll('.who:not(.spoken)')].map((who) => who.firstChild.textContent)"
    assert chat.js(names) == ["Echo · automatic", "Ann from the team"]


def test_files_go_both_ways_and_pictures_are_shown(shop: Shop, chat: Page, tmp_path: Path) -> None:
    picture = tmp_path / "wheel <b>.png"
    picture.write_bytes(PIXEL)
    chat.choose_files("document.getElementById('file')", picture)
    chat.until("document.querySelector('#files li:not(.waiting)')")
    assert chat.js("document.querySelector('#files span').textContent") == "wheel <b>.png"
    _say(chat, "It is broken")
    chat.until("document.querySelector('.visitor img')?.naturalWidth === 1")
    [conversation] = shop.conversations()
    [message] = shop.api("GET", f"/api/conversations/{conversation['id']}/messages")["messages"]
    assert (message["text"], message["attachments"][0]["fileName"]) == ("It is broken", "wheel <b>.png")
    upload = requests.post(
        f"{shop.hub_url}/api/files?fileName=new.png",
        data=PIXEL,
        headers=shop.headers | {"Content-Type": "image/png"},
        timeout=60,
    ).json()
    shop.answer("Like this one?", attachments=[{"type": "image", "fileId": upload["id"]}])
    chat.until("document.querySelector('.agent img')?.naturalWidth === 1")
    assert chat.complaints == []


def test_what_the_business_does_not_take_is_said_before_it_is_sent(shop: Shop, chat: Page, tmp_path: Path) -> None:
    program = tmp_path / "run.sh"
    program.write_text("#!/bin/sh\n")
    chat.choose_files("document.getElementById('file')", program)
    chat.until("document.querySelector('#files .failed')?.textContent.includes('run.sh cannot be sent.')")
    chat.js("document.querySelector('#files button').click()")
    chat.until("document.getElementById('files').hidden")
    shop.api("PATCH", f"/api/channels/{shop.instance}", {"config": {"visitorFiles": False}})
    _is_loaded_until(chat, shop, "document.getElementById('attach').hidden")


def test_a_press_on_a_face_rates_what_was_done(shop: Shop, chat: Page) -> None:
    shop.api("PATCH", f"/api/channels/{shop.instance}", {"config": {"csat": True}})
    _say(chat, "Hello")
    chat.wait(shop.conversations, "the conversation is there")
    shop.answer("Yes!")
    [conversation] = shop.conversations()
    shop.api("PATCH", f"/api/conversations/{conversation['id']}", {"status": "CLOSED"})
    chat.until("!document.getElementById('rating').hidden")
    assert ("button", "5 of 5: very satisfied") in chat.accessible()
    chat.js("document.querySelector('#rating [value=\"5\"]').click()")
    chat.until("document.getElementById('rating').hidden")
    rating = "/analytics/customer-satisfaction"
    chat.wait(lambda: shop.api("GET", rating)["overallScore"] == 5, "the rating is counted")


def test_who_has_to_say_their_name_says_it_before_they_write(shop: Shop, chat: Page) -> None:
    shop.api("PATCH", f"/api/channels/{shop.instance}", {"config": {"askName": "required", "askEmail": "optional"}})
    _is_loaded_until(chat, shop, "document.getElementById('form').hidden")
    assert chat.js(FOCUSED) == "name"
    chat.press("Enter")
    assert chat.js("document.getElementById('form').hidden") is True
    _say(chat, "Ada")
    chat.until(f"{FOCUSED} === 'text'")
    _say(chat, "Hello")
    chat.wait(lambda: [each["customerName"] for each in shop.conversations()] == ["Ada"], "the name is known")


def test_while_nobody_is_there_an_address_is_asked_for(shop: Shop, chat: Page) -> None:
    shop.api("POST", "/api/business-hours", {"name": "Never", "zone": "UTC", "intervals": []})
    _is_loaded_until(chat, shop, "!document.getElementById('closed').hidden")
    assert chat.js("document.getElementById('until').textContent") == "Nobody is here at the moment."
    _say(chat, "Hello?")
    chat.js("document.getElementById('address').focus()")
    _say(chat, "ada@example.com")
    _shows(chat, "Hello?", "My e-mail address is ada@example.com")
    chat.wait(
        lambda: [each["email"] for each in shop.api("GET", "/api/customers")["customers"]] == ["ada@example.com"],
        "the business has the address",
    )
    assert chat.js("document.getElementById('leave').hidden") is True
