"""Templates, campaigns, rules and availability in the console, over the real hub and a stub of Meta."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from shared.domain.routing_language import parse_condition, print_condition
from tests.browser.conftest import Shop
from tests.browser.console import complaints
from tests.browser.devtools import Browser, Page
from tests.browser.forms import choose, fill, open_screen, press, says, value_of
from tests.channels.whatsapp_cloud.meta_templates import CONFIG, NUMBER, MetaTemplates
from tests.infra.process import Process
from tests.stubs import Received, Reply, Stub, stub_server

pytestmark = pytest.mark.slow

SHIPPED = {
    "name": "order_shipped",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
        {"type": "BODY", "text": "Hello {{1}}, it arrives on {{2}}."},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track it", "url": "https://shop.example/{{1}}"}]},
    ],
}


@pytest.fixture(scope="module")
def meta() -> Iterator[Stub]:
    """Meta's API, with a template and a number that accepts all messages."""
    with stub_server() as stub:
        templates = MetaTemplates()
        templates.install(stub)
        templates.has()
        templates.has(id="2", **SHIPPED)
        numbers = itertools.count(1)

        def accepted(_: Received) -> Reply:
            return Reply(json={"messaging_product": "whatsapp", "messages": [{"id": f"wamid.OUT{next(numbers)}"}]})

        stub.on("POST", f"/{NUMBER}/messages", accepted)
        yield stub


@pytest.fixture(scope="module")
def hub_url(tmp_path_factory: pytest.TempPathFactory, meta: Stub) -> Iterator[str]:
    with closing(
        Process(tmp_path_factory.mktemp("hub"), UPSTREAM_ALLOWLIST="127.0.0.1", GRAPH_API_URL=meta.url)
    ) as hub:
        yield hub.url


@pytest.fixture
def number(shop: Shop) -> Iterator[str]:
    """A WhatsApp number of the shop, whose templates the hub knows."""
    channel_id = shop.api("POST", "/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": CONFIG})["id"]
    shop.api("POST", f"/api/channels/{channel_id}/templates/sync", {})
    yield channel_id
    # Another shop may have the number afterwards.
    shop.api("DELETE", f"/api/channels/{channel_id}")


def _customer(shop: Shop, name: str, phone: str) -> str:
    customer = shop.api("POST", "/api/customers", {"name": name, "phone": phone, "tags": ["vip"]})
    return str(customer["id"])


@pytest.mark.usefixtures("number")
def test_outside_the_window_a_template_is_chosen_filled_and_sent(browser: Browser, shop: Shop, meta: Stub) -> None:
    customer_id = _customer(shop, "Ana Souza", "+5511988887777")
    session = shop.api("POST", "/sessions/create", {"customer_id": customer_id, "channel_type": "whatsapp"})
    page = open_screen(browser, shop, f"/inbox/open/{session['session_id']}")
    press(page, "Choose a template")
    assert page.js("document.querySelector('.composer textarea').disabled")
    fill(page, "Search templates", "shipped")
    page.until("document.querySelectorAll('.template-list li').length === 1")
    page.js("document.querySelector('.template-list li button').click()")
    page.until("document.querySelector('dialog form')")
    assert value_of(page, "Text for {{1}}") == "Ana"
    press(page, "Send the template")
    says(page, "Fill this in")
    fill(page, "{{1}} in the heading", "42")
    fill(page, "Text for {{2}}", "Monday")
    fill(page, "End of the address of “Track it”", "42")
    press(page, "Send the template")
    press(page, "Undo")
    page.until("document.querySelector('dialog form')")
    assert value_of(page, "Text for {{2}}") == "Monday"
    press(page, "Send the template")
    press(page, "Send now")
    page.until("document.querySelector('.line.human:not(.pending)')")
    says(page, "Hello Ana, it arrives on Monday.")
    page.wait(lambda: [each for each in meta.to("/messages") if each.json["type"] == "template"], "Meta has it")
    parts = meta.to("/messages")[-1].json["template"]["components"]
    assert [[each["text"] for each in part["parameters"]] for part in parts] == [["42"], ["Ana", "Monday"], ["42"]]
    assert complaints(page) == []


@pytest.mark.usefixtures("number")
def test_a_campaign_is_counted_before_its_launch_and_stopped_and_continued(browser: Browser, shop: Shop) -> None:
    for name, phone in (("Ana", "+5511988887777"), ("Bia", "+5511988887778")):
        _customer(shop, name, phone)
    page = open_screen(browser, shop, "/campaigns")
    press(page, "New campaign")
    fill(page, "Name of the campaign", "Sale")
    fill(page, "Customers with one of these tags", "vip,")
    press(page, "WhatsApp")
    page.until("document.querySelectorAll('.sortable li').length === 2")
    press(page, "Remove Widget")
    fill(page, "Text for all channels", "Hi {{surname}}")
    says(page, "unknown placeholder {{surname}}")
    fill(page, "Text for all channels", "Hi {{first_name|there}}")
    says(page, "0 of 2 would get it now")
    page.until("document.querySelector('.template-list li')")
    page.js("[...document.querySelectorAll('.template-list button')].at(-1).click()")
    says(page, "2 of 2 would get it now")
    press(page, "Save the draft")
    page.until("document.querySelector('.page-state')?.textContent.includes('Draft')")
    press(page, "Launch")
    says(page, "Of 2 that were looked at, 2 get it")
    press(page, "Launch")
    for button, status in (("Pause", "Paused"), ("Go on", "Being sent")):
        press(page, button)
        page.until(f"document.querySelector('.page-state').textContent.includes('{status}')")
    page.until("document.querySelector('.funnel')?.textContent.includes('Audience2')")
    [campaign] = shop.api("GET", "/api/campaigns")["campaigns"]
    assert (campaign["status"], campaign["contacts"], campaign["channels"]) == ("running", 2, ["WHATSAPP"])
    shop.api("POST", f"/api/campaigns/{campaign['id']}/pause")
    page.until("document.querySelector('.page-state').innerText.includes('Paused')")
    press(page, "Cancel the campaign")
    press(page, "Cancel the campaign")
    page.wait(lambda: shop.api("GET", "/api/campaigns")["campaigns"][0]["status"] == "cancelled", "it is cancelled")
    assert complaints(page) == []


def _rules(shop: Shop) -> list[Any]:
    rules: list[Any] = shop.api("GET", "/routing/rules")["rules"]
    return rules


def _moved(page: Page, shop: Shop, first: str) -> None:
    page.wait(lambda: _rules(shop)[0]["condition"] == first, f"{first} is the first rule")


def test_a_routing_rule_is_built_tried_and_moved(browser: Browser, shop: Shop) -> None:
    team_id = shop.api("POST", "/api/teams", {"name": "Sales"})["id"]
    shop.api("POST", "/routing/rules", {"condition": "priority=low", "action": "add_tag:slow"})
    page = open_screen(browser, shop, "/rules")
    press(page, "Add a rule")
    press(page, "Another condition")
    page.js("document.querySelector('dialog input').focus()")
    page.type('a "refund"')
    press(page, "Save")
    page.until("document.querySelectorAll('.rule').length === 2 && !document.querySelector('dialog')")
    built = 'channel=widget AND text CONTAINS "a \\"refund\\""'
    assert (_rules(shop)[1]["condition"], _rules(shop)[1]["action"]) == (built, f"assign_to_agent_group:{team_id}")

    fill(page, "First message", 'I want a "refund"')
    press(page, "Try")
    page.until("document.querySelector('.outcome')?.textContent.includes('Sales')")

    page.js("document.querySelectorAll('.handle')[1].focus()")
    page.press("ArrowUp")
    _moved(page, shop, built)
    page.until("document.activeElement === document.querySelector('.handle')")
    place = "(({x, y, height}) => [x + 10, y + height / 2])"
    start, end = (
        page.js(f"{place}(document.querySelectorAll('.handle')[{n}].getBoundingClientRect())") for n in (0, 1)
    )
    for kind, (x, y) in (("mousePressed", start), ("mouseMoved", [end[0], end[1] + 15]), ("mouseReleased", end)):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    _moved(page, shop, "priority=low")
    assert complaints(page) == []


CONDITIONS = [
    "channel=whatsapp AND priority=high",
    "tag in (vip, 'old friend') OR text contains refund OR language!=pt",
    'CHANNEL = chat and hour IN (09,"10") AND text = "or \\"else\\" \\\\"',
]
ONLY_TEXT = [
    "NOT tag=vip",
    "(tag=vip)",
    "tag=vip AND text=a OR text=b",
    "tag",
    "tag=",
    "tag=vip AND",
    "tag=a b",
    "x=1",
    "",
]


def test_the_form_of_a_rule_writes_what_the_hub_reads(browser: Browser, shop: Shop) -> None:
    page = browser.page(f"{shop.hub_url}/console")
    module = (
        "import(document.querySelector('script[type=module]').src.replace('app.js', 'screens/routing_language.js'))"
    )
    texts = json.dumps(CONDITIONS + ONLY_TEXT)
    conditions = page.js(f"{module}.then((language) => {texts}.map(language.readCondition))")
    written = f"{module}.then((language) => {json.dumps(conditions[:3])}.map(language.writeCondition))"
    assert page.js(written) == [print_condition(parse_condition(text)) for text in CONDITIONS]
    assert conditions[3:] == [None] * len(ONLY_TEXT)


def test_hours_promises_senders_and_words_are_kept(browser: Browser, shop: Shop) -> None:
    page = open_screen(browser, shop, "/rules/hours")
    press(page, "Add business hours")
    fill(page, "Time zone", "Europe/Berlin")
    fill(page, "Message while it is closed", "Back tomorrow.")
    press(page, "Save")
    page.until("document.querySelector('.rows small')?.textContent.match(/^Mon.Fri 09:00.17:00$/)")
    [hours] = shop.api("GET", "/api/business-hours")["businessHours"]
    assert (hours["zone"], len(hours["intervals"]), hours["awayMessage"]) == ("Europe/Berlin", 5, "Back tomorrow.")

    press(page, "Response times")
    press(page, "Add a promise")
    fill(page, "Name", "Soon")
    fill(page, "First answer (minutes)", "120")
    press(page, "Save")
    says(page, "First answer: 2 h")

    press(page, "Who may write")
    press(page, "Add a rule")
    choose(page, "Whom", "prefix")
    fill(page, "Value", "+882")
    press(page, "Save")
    says(page, "Block addresses that begin with +882")
    fill(page, "Address", "+88299")
    press(page, "Check")
    says(page, "Is blocked")

    press(page, "Words")
    page.until("document.querySelector('[role=switch]')")
    page.js("document.querySelector('[role=switch]').click()")
    fill(page, "Your own words", "human please,")
    page.js("document.querySelector('.card [type=submit]').click()")
    page.wait(lambda: shop.api("GET", "/api/settings").get("handOverWords") == ["human please"], "they are kept")
    assert complaints(page) == []


def test_people_are_away_and_take_as_many_as_an_admin_says(browser: Browser, shop: Shop) -> None:
    shop.colleague("Bob")
    people = {user["name"]: user["id"] for user in shop.api("GET", "/api/users")["users"]}
    own_id = shop.api("GET", "/api/auth/me")["user"]["id"]
    shop.api("POST", "/api/teams", {"name": "Sales", "peopleIds": [own_id, people["Bob"]]})
    page = open_screen(browser, shop, "/people")
    page.until("document.querySelector('.account .presence')")
    page.js("document.querySelector('.account button').click()")
    page.js("document.querySelectorAll('.account [role=menuitemradio]')[1].click()")
    page.until("document.querySelector('.account .presence.away')")
    page.until("document.querySelector('.presence-text').textContent === 'Away'")

    press(page, "Availability of Bob")
    fill(page, "Open conversations at most", "2")
    fill(page, "Skills", "billing,")
    press(page, "Save")
    says(page, "0 of 2 open conversations · billing")
    listed = {each["userId"]: each for each in shop.api("GET", "/api/users/availability")["people"]}
    assert (listed[own_id]["status"], listed[people["Bob"]]["capacity"]) == ("away", 2)
    assert complaints(page) == []
