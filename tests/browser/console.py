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

LIVE = "import(document.querySelector('link[href$=\"live.js\"]').href)"
CORE = "import(document.querySelector('link[href$=\"core.js\"]').href)"

_MANY = """
Promise.all([%s, %s]).then(([live, core]) => {
  Object.assign(window, { live, core });
  const row = live.list.value.entries[0].row.value;
  live.merge(Array.from({ length: %d }, (_, index) => ({
    ...row, id: `many-${index}`, customerName: `Person ${index}`, unread: 0,
    lastMessageAt: new Date(Date.parse(row.lastMessageAt) - index * 1000 - 1000).toISOString(),
  })));
})
"""

OPENS_ONE = """
(() => {
  const real = window.fetch;
  const headers = { "Content-Type": "application/json" };
  const json = (body) => Promise.resolve(new Response(JSON.stringify(body), { headers }));
  window.fetch = (path, options) => {
    const id = /many-[0-9]+/.exec(String(path))?.[0];
    if (!id) return real(path, options);
    if (!String(path).endsWith("limit=50")) return json({ channels: [], unread: 0 });
    return json({ nextCursor: null, messages: Array.from({ length: 4 }, (_, index) => ({
      id: `${id}-${index}`, conversationId: id, direction: "INBOUND", author: "CUSTOMER", status: "received",
      text: `${id} says ${index} ` + "x".repeat(20000), sentAt: new Date(1e12 + index * 1e5).toISOString(),
      attachments: [], content: {}, versions: [],
    })) });
  };
  window.openOne = (index) => new Promise((resolve) => {
    core.goTo(`/console/inbox/open/many-${index}`);
    const text = () => document.querySelector(".line .text")?.textContent;
    const look = () => (text()?.startsWith(`many-${index} `) ? resolve() : setTimeout(look));
    look();
  });
})()
"""
"""Makes `openOne` in the page, which opens one of the rows of `has_many`: the page itself answers for the hub."""


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


def hold_what_is_sent(page: Page) -> None:
    """Have the five seconds in which a message can be taken back last, for a busy machine may need longer."""
    page.js(
        """(() => {
          const real = window.setTimeout;
          window.setTimeout = (work, pause, ...more) => real(work, pause === 5000 ? 600_000 : pause, ...more);
        })()"""
    )


def complaints(page: Page) -> list[str]:
    return [complaint for complaint in page.complaints if NOISE not in complaint]


def has_many(page: Page, count: int) -> None:
    """As many more rows in the list, made of the one that is there, as `live`; the hub has none of them."""
    page.js(_MANY % (LIVE, CORE, count))
    page.until(f"window.live?.list.value.entries.length > {count} && document.querySelectorAll('.row').length > 5")


SCREENS = [
    *("inbox", "channels", "channels/new", "agents", "teams", "people", "campaigns", "campaigns/new"),
    *("rules", "rules/hours", "rules/sla", "rules/access", "rules/words"),
    *("analytics", "delivery", "webhooks", "webhooks/new", "audit", "settings", "erasures"),
]


def add_settings(shop: Shop) -> None:
    """One of each thing that screens list."""
    things = {
        "/api/canned-replies": {"shortCode": "hours", "text": "We are open from 9 to 17."},
        "/routing/rules": {"condition": "tag=vip", "action": "set_priority:high", "active": False},
        "/api/business-hours": {"zone": "Europe/Berlin"},
        "/api/sla-policies": {"name": "Fast", "firstAnswerMinutes": 60},
        "/api/access/rules": {"effect": "block", "kind": "prefix", "value": "+882"},
        "/api/campaigns": {"name": "Sale", "channels": ["WIDGET"], "message": "Sale!"},
        "/api/agents": {"name": "Echo"},
        "/api/teams": {"name": "Sales"},
        "/api/webhooks": {"url": "https://hooks.shop.example/hub", "topics": ["message"]},
    }
    for path, body in things.items():
        shop.api("POST", path, body)
    customer_id = shop.api("POST", "/api/customers", {"name": "Gone"})["id"]
    shop.api("POST", f"/api/customers/{customer_id}/erase", {"confirmation": "Gone"})


def details(shop: Shop) -> list[str]:
    """The screens of single things, of one of each kind that there is."""
    channels = shop.api("GET", "/api/channels")
    lists = {name: shop.api("GET", f"/api/{name}")[name] for name in ("agents", "campaigns", "webhooks", "erasures")}
    firsts = {name: items[0]["id"] for name, items in {"channels": channels, **lists}.items()}
    return [f"inbox/open/{shop.conversation()['id']}", *(f"{name}/{first}" for name, first in firsts.items())]


def go(page: Page, path: str) -> None:
    """Show a screen of the console."""
    page.js(f"{CORE}.then((core) => core.goTo('/console/{path}'))")
    page.until(f"location.pathname.startsWith('/console/{path}') && document.querySelector('main')")
    page.until("!document.querySelector('.skeleton')")
