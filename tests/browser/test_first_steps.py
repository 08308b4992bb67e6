"""The first two minutes: from an empty hub to a conversation that was answered, closed and rated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.browser.conftest import PASSWORD
from tests.browser.console import hold_what_is_sent
from tests.browser.devtools import Browser, Page
from tests.infra.process import Process

pytestmark = pytest.mark.slow

BUBBLES = "[...document.querySelectorAll('.bubble')].map((bubble) => bubble.textContent)"
LINES = "[...document.querySelectorAll('.line .text')].map((text) => text.textContent)"
QUESTION = "document.querySelector('#text')"
RATING = """(async () => {
    const { api } = await import(document.querySelector("script[type=module]").src.replace("app.js", "core.js"));
    return (await api.get("/analytics/customer-satisfaction")).overallScore;
})()"""
COMPOSER = "document.querySelector('.composer textarea')"


@pytest.fixture
def empty_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with closing(Process(tmp_path_factory.mktemp("empty"), REPLY_DEBOUNCE_SECONDS="0")) as hub:
        yield hub


def _fill(page: Page, **values: str) -> None:
    """Type into the fields of the page's form, by their names, and send it."""
    for name, value in values.items():
        page.until(f"document.querySelector('[name={name}]')")
        page.js(f"(document.querySelector('[name={name}]').focus(), document.activeElement.select())")
        page.type(value)
    page.js("document.activeElement.form.requestSubmit()")


def _press(page: Page, name: str) -> None:
    """Follow the link, or press the button, of this name."""
    controls = "[...document.querySelectorAll('a[href], button')]"
    find = f"{controls}.find((each) => (each.ariaLabel ?? each.textContent).trim() === {json.dumps(name)})"
    page.until(f"((control) => (control?.click(), control))({find})")


def _is_heard(page: Page, *texts: str) -> None:
    page.wait(lambda: page.js(BUBBLES)[: len(texts)] == list(texts), f"the widget shows {texts}")


def test_from_the_set_up_link_to_a_rated_conversation(browser: Browser, empty_hub: Process) -> None:
    link = empty_hub.next_line().removeprefix("the first owner signs up at ").strip()
    console = browser.page(link)
    _fill(console, email="ann@example.com", name="Ann", tenantName="Bicycles", password=PASSWORD)
    console.until("document.querySelector('.console')")

    _press(console, "Channels")
    _press(console, "Connect a channel")
    _press(console, "Web Chat")
    _fill(console, name="Website")
    console.until("document.querySelector('.status.good')")
    test_page = console.js("document.querySelector('a[href*=\"/widget/\"]').href")

    _press(console, "Agents")
    _press(console, "Add an agent")
    _fill(console, name="Ada")
    console.until("document.querySelector('.test-chat input')")
    console.js("document.querySelector('.test-chat input').focus()")
    console.type("Hi")
    console.press("Enter")
    console.until("document.querySelector('.test-chat .assistant')?.textContent.includes('Echo: Hi')")

    customer = browser.page(test_page)
    customer.until(QUESTION)
    customer.js(f"{QUESTION}.focus()")
    customer.type("Do you mend brakes?")
    customer.press("Enter")
    _is_heard(customer, "Do you mend brakes?", "Echo: Do you mend brakes?")

    _press(console, "Inbox")
    console.until("location.pathname === '/console/inbox/open'")
    console.until("((row) => (row?.click(), row))(document.querySelector('.row a'))")
    console.wait(lambda: console.js(LINES) == ["Do you mend brakes?", "Echo: Do you mend brakes?"], "both are there")
    _press(console, "Take over")
    console.until(f"{COMPOSER} && !{COMPOSER}.disabled")
    console.js(f"{COMPOSER}.focus()")
    hold_what_is_sent(console)
    console.type("Yes, come by.")
    console.press("Enter")
    _press(console, "Send now")
    _is_heard(customer, "Do you mend brakes?", "Echo: Do you mend brakes?", "Yes, come by.")

    _press(console, "Resolve")
    customer.until(f"{BUBBLES}.length === 4")
    customer.js(f"{QUESTION}.focus()")
    customer.type("5")
    customer.press("Enter")
    console.wait(lambda: console.js(RATING) == 5, "the rating is counted")
    assert [complaint for complaint in console.complaints if "Content Security Policy" in complaint] == []
