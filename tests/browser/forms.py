"""What people do on the screens with forms, by the names that they see."""

from __future__ import annotations

import json

from tests.browser.conftest import Shop
from tests.browser.console import open_console
from tests.browser.devtools import Browser, Page

_CONTROLS = "[...document.querySelectorAll('a[href], button, summary, [role=switch], [type=radio]')]"


def open_screen(browser: Browser, shop: Shop, path: str) -> Page:
    """A screen of the console, after signing in as the owner."""
    page = open_console(browser, shop, path=f"/console{path}")
    page.until("document.querySelector('.console main') && !document.querySelector('.skeleton')")
    return page


def press(page: Page, name: str) -> None:
    """Press the button, or follow the link, of this name: the last one, which lies over the others."""
    find = f"{_CONTROLS}.findLast((each) => (each.ariaLabel ?? each.textContent).trim() === {json.dumps(name)})"
    page.until(f"((control) => (control && !control.disabled && control.click(), control))({find})")


def _labelled(label: str) -> str:
    labels = "[...document.querySelectorAll('label')]"
    return f"{labels}.findLast((each) => each.textContent.trim() === {json.dumps(label)})"


def fill(page: Page, label: str, text: str) -> None:
    """Write into the field of this label, in the place of what is there."""
    page.until(_labelled(label))
    page.js(f"{_labelled(label)}.control.select()")
    page.type(text)


def choose(page: Page, label: str, value: str) -> None:
    """Choose an option by its value, in the select of this label."""
    page.until(f"[...({_labelled(label)}?.control.options ?? [])].some((each) => each.value === {json.dumps(value)})")
    page.js(
        f"((select) => {{ select.value = {json.dumps(value)};"
        f" select.dispatchEvent(new Event('change', {{ bubbles: true }})) }})({_labelled(label)}.control)"
    )


def value_of(page: Page, label: str) -> str:
    return str(page.js(f"{_labelled(label)}.control.value"))


def says(page: Page, text: str) -> None:
    page.until(f"document.body.innerText.includes({json.dumps(text)})")
