"""What people do in the console, as far as several tests need it."""

from __future__ import annotations

import json

from tests.browser.conftest import PASSWORD, PHONE, Shop
from tests.browser.devtools import Browser, Page

ROWS = "[...document.querySelectorAll('.row-name')].map((name) => name.textContent)"
LINES = "[...document.querySelectorAll('.line .text, .line.system span')].map((text) => text.textContent)"
TEXT = "document.querySelector('.composer textarea')"
NOISE = "the server responded with a status of"
"""How the browser reports what the hub refused, such as the session of somebody who is not signed in yet."""

MARKUP = [
    "<img src=x onerror='window.hacked=1'>",
    "<script>window.hacked=1</script>",
    "\"><svg onload='window.hacked=1'>",
    "javascript:window.hacked=1",
    "{{constructor.constructor('window.hacked=1')()}}",
]


def open_console(
    browser: Browser, shop: Shop, email: str | None = None, path: str = "/console", width: int = 1280
) -> Page:
    """The console in a window of its own, after signing in as the owner or as somebody else."""
    page = browser.page(shop.hub_url + path, width, PHONE[1] if width == PHONE[0] else 800)
    sign_in(page, email or shop.owner_email)
    return page


def sign_in(page: Page, email: str) -> None:
    page.until("document.querySelector('[name=password]')")
    fields = {"email": email, "password": PASSWORD}
    for name, value in fields.items():
        page.js(f"document.querySelector('[name={name}]').value = {json.dumps(value)}")
    page.js("document.querySelector('form').requestSubmit()")
    page.until("document.querySelector('.console')")


def shows(page: Page, *rows: str) -> None:
    page.wait(lambda: page.js(ROWS) == list(rows), f"the list is {rows}")


def choose(page: Page, row: str) -> None:
    page.until(f"{ROWS}.includes({json.dumps(row)})")
    page.js(f"[...document.querySelectorAll('.row a')][{ROWS}.indexOf({json.dumps(row)})].click()")
    page.until(f"document.querySelector('.conversation-title h1')?.textContent === {json.dumps(row)}")
    page.until("document.querySelector('.line')")


def press(page: Page, label: str) -> None:
    """Press the button with this name."""
    buttons = "[...document.querySelectorAll('button')]"
    find = f"{buttons}.find((each) => (each.ariaLabel ?? each.textContent).trim() === {json.dumps(label)})"
    page.until(find)
    page.js(f"{find}.click()")


def write(page: Page, text: str) -> None:
    page.until(f"{TEXT} && !{TEXT}.disabled")
    page.js(f"{TEXT}.focus()")
    page.type(text)


def complaints(page: Page) -> list[str]:
    return [complaint for complaint in page.complaints if NOISE not in complaint]
