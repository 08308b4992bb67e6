"""The console as people of a business meet it: in a real browser, over the real hub, two of them where that matters."""

from __future__ import annotations

import pytest

from tests.browser.conftest import PHONE, Shop
from tests.browser.console import (
    LINES,
    MARKUP,
    ROWS,
    SCREENS,
    TEXT,
    add_settings,
    choose,
    complaints,
    details,
    go,
    hold_what_is_sent,
    open_console,
    press,
    shows,
    sign_in,
    write,
)
from tests.browser.devtools import Browser, Page
from tests.node import JAVASCRIPT, need

pytestmark = pytest.mark.slow


def test_the_first_conversations_are_there_after_twelve_requests_to_the_hub_alone(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    shows(page, "Ada")
    page.open(f"{shop.hub_url}/console/inbox/open")
    shows(page, "Ada")
    requests = page.js(
        "performance.getEntriesByType('resource').filter(({ startTime }) => startTime < "
        "performance.getEntriesByName('conversations')[0].startTime).map(({ name }) => name)"
    )
    assert len(requests) + 1 <= 12, requests
    assert [url for url in requests if not url.startswith(shop.hub_url)] == []
    assert complaints(page) == []


def test_somebody_takes_over_from_the_bot_answers_and_closes(browser: Browser, shop: Shop) -> None:
    shop.echo()
    page = open_console(browser, shop)
    page.until("document.querySelector('.empty')")
    shop.visitor("Ada", "Where is my order?")
    shows(page, "Ada")
    choose(page, "Ada")
    page.wait(lambda: page.js(LINES) == ["Where is my order?", "Echo: Where is my order?"], "the bot has answered")
    press(page, "Take over")
    page.until("document.querySelector('.turn.human')")

    hold_what_is_sent(page)
    write(page, "On its wey")
    page.press("Enter")
    page.until("document.querySelector('.pending.held')")
    press(page, "Undo")
    page.until(f"{TEXT}.value === 'On its wey'")
    page.js(f"{TEXT}.select()")
    write(page, "On its way")
    page.press("Enter")
    press(page, "Send now")
    page.until("document.querySelector('.line.human .tick.sent, .line.human .tick.pending')")
    page.wait(lambda: page.js(LINES)[2:] == ["On its way"], "the answer is there once")

    press(page, "Resolve")
    shows(page)
    page.wait(lambda: [each["status"] for each in shop.conversations()] == ["CLOSED"], "it is closed")
    press(page, "Reopen")
    shows(page, "Ada")
    assert complaints(page) == []


def test_a_note_is_seen_by_a_colleague_at_once_and_never_sent(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    email = shop.colleague("Bob")
    page, colleagues = open_console(browser, shop), open_console(browser, shop, email)
    for each in (page, colleagues):
        choose(each, "Ada")
    press(page, "Note")
    write(page, f"@{email} can you look?")
    page.press("Escape")
    press(page, "Add note")
    colleagues.until("document.querySelector('.line.note')")
    assert colleagues.js(LINES) == ["Hello", f"@{email} can you look?"]
    colleagues.until("document.querySelector('.bell .badge')?.textContent === '1'")


def test_what_is_told_while_older_news_is_on_its_way_is_not_lost(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    [conversation] = shop.conversations()
    page.js("document.querySelector('nav a[href*=\"/console/teams\"]').click()")
    page.until("!document.querySelector('.line')")
    # The next answer with the messages waits in the page, and is older than what is told meanwhile.
    page.js(
        "(() => { const real = window.fetch; window.fetch = async (url, ...rest) => {"
        " const answer = await real(url, ...rest);"
        " if (`${url.url ?? url}`.includes('/messages')) {"
        "  window.isHeld = true; await new Promise((go) => { window.letGo = go; }); }"
        " return answer; } })()"
    )
    page.js("history.back()")
    page.until("window.isHeld && document.querySelector('.line')")
    shop.api("POST", f"/api/conversations/{conversation['id']}/notes", {"text": "Call her back"})
    page.until("document.querySelector('.line.note')")
    page.js("window.letGo()")
    page.wait(lambda: page.js(LINES) == ["Hello", "Call her back"], "the note stays")
    assert complaints(page) == []


def test_of_two_who_assign_at_once_one_hears_who_was_first(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    email = shop.colleague("Bob")
    page, colleagues = open_console(browser, shop), open_console(browser, shop, email)
    for each in (page, colleagues):
        choose(each, "Ada")
        # What the others decide is not heard before this person has decided, too: no new connection leads anywhere.
        each.js("window.WebSocket = class { close() {} }")
        each.js(
            "(() => { const real = window.fetch; window.fetch = (url, ...rest) =>"
            " `${url.url ?? url}`.includes('since=') ? new Promise(() => {}) : real(url, ...rest) })()"
        )
        each.js("import(document.querySelector('link[href$=\"live.js\"]').href).then((live) => live.disconnect())")
    assign = "document.querySelector('[data-menu=assign] button').click()"
    own = "document.querySelector('[data-menu=assign] [role^=menuitem]').click()"
    for each in (page, colleagues):
        each.js(assign)
        each.until("document.querySelector('[data-menu=assign] [role^=menuitem]')")
    page.js(own)
    page.until("document.querySelector('.toast')?.textContent.includes('Assigned')")
    colleagues.js(own)
    colleagues.until("document.querySelector('.toast.error')")
    assert shop.owner_email.partition("@")[0] in colleagues.js("document.querySelector('.toast.error').textContent")
    assert shop.conversations()[0]["assigneeName"] == shop.owner_email


def test_what_came_while_the_connection_was_lost_is_there_afterwards(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    page.call("Network.enable")
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.call("Network.emulateNetworkConditions", offline=True, **conditions)
    page.until("document.querySelector('.connection p')")
    shop.visitor("Bob", "Anybody there?")
    page.call("Network.emulateNetworkConditions", offline=False, **conditions)
    page.until("!document.querySelector('.connection p')")
    shows(page, "Bob", "Ada")


def test_a_draft_belongs_to_its_conversation_and_outlives_a_reload(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    shop.visitor("Bob", "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    write(page, "For Ada")
    choose(page, "Bob")
    page.until(f"{TEXT}.value === ''")
    write(page, "For Bob")
    page.open(page.js("location.href"))
    page.until(f"{TEXT}?.value === 'For Bob'")
    choose(page, "Ada")
    page.until(f"{TEXT}.value === 'For Ada'")


def test_a_slash_leads_to_saved_replies(browser: Browser, shop: Shop) -> None:
    shop.api("POST", "/api/canned-replies", {"shortCode": "hours", "text": "We are open from 9 to 17."})
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    write(page, "/ho")
    page.until("document.querySelector('.suggestions')")
    page.press("Enter")
    page.until(f"{TEXT}.value === 'We are open from 9 to 17.'")


def test_several_are_closed_at_once_and_opened_again(browser: Browser, shop: Shop) -> None:
    for name in ("Ada", "Bob", "Cleo"):
        shop.visitor(name, "Hello")
    page = open_console(browser, shop)
    shows(page, "Cleo", "Bob", "Ada")
    page.js("[...document.querySelectorAll('.row-check input')].slice(0, 2).forEach((box) => box.click())")
    page.until("document.querySelector('.bulk')?.textContent.includes('2 selected')")
    page.js("document.querySelector('.bulk [aria-label=Resolve]').click()")
    shows(page, "Ada")
    assert sorted(each["status"] for each in shop.conversations()) == ["CLOSED", "CLOSED", "OPEN"]
    press(page, "Undo")
    shows(page, "Cleo", "Bob", "Ada")


def test_two_customers_are_made_one_after_a_look_and_parted_again(browser: Browser, shop: Shop) -> None:
    for name in ("Ada", "Ada Lovelace"):
        shop.visitor(name, "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    page.until("document.querySelector('.customer-body')")
    page.js("[...document.querySelectorAll('.customer-body summary')].at(-1).click()")
    press(page, "Merge with another customer")
    page.until("document.activeElement.matches('dialog input')")
    page.type("lovelace")
    page.until("document.querySelector('dialog .choice')")
    page.js("document.querySelector('dialog .choice').click()")
    page.until("document.querySelector('dialog')?.textContent.includes('1 added')")
    assert len(shop.api("GET", "/api/customers")["customers"]) == 2
    press(page, "Merge")
    page.wait(lambda: len(shop.api("GET", "/api/customers")["customers"]) == 1, "they are one")
    press(page, "Undo")
    page.wait(lambda: len(shop.api("GET", "/api/customers")["customers"]) == 2, "they are two")


def test_an_owner_erases_a_customer_by_typing_their_name_and_sees_how_far_that_has_come(
    browser: Browser, shop: Shop
) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    page.until("document.querySelector('.customer-body')")
    press(page, "Erase this customer")
    page.until("document.activeElement.matches('dialog input')")
    page.type("Bob")
    press(page, "Erase for good")
    page.until("document.querySelector('dialog')?.textContent.includes('type Ada')")
    page.js("document.querySelector('dialog input').value = ''")
    page.js("document.querySelector('dialog input').focus()")
    page.type("Ada")
    press(page, "Erase for good")
    page.until("location.pathname.startsWith('/console/erasures/') && document.querySelector('main dl')")
    page.until("[...document.querySelectorAll('main dt code')].some(({ textContent }) => textContent === 'customers')")
    assert shop.api("GET", "/api/customers")["customers"] == []
    assert len(shop.api("GET", "/api/erasures")["erasures"]) == 1


def test_somebody_else_signs_in_and_sees_nothing_of_the_one_before(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    choose(page, "Ada")
    write(page, "Not for others")
    page.js("document.querySelector('.account button').click()")
    press(page, "Sign out")
    page.until("document.querySelector('[name=password]')")
    page.until("document.body?.textContent.includes('Ada') === false")
    sign_in(page, shop.colleague("Bob"))
    choose(page, "Ada")
    page.until(f"{TEXT}?.value === ''")


def test_the_page_speaks_the_persons_language(browser: Browser, shop: Shop) -> None:
    page = open_console(browser, shop, path="/console/settings")
    page.until("document.querySelector('main select')")
    choice = "document.querySelector('main select')"
    page.js(f"{choice}.value = 'de'; {choice}.dispatchEvent(new Event('change', {{ bubbles: true }}))")
    page.until("document.documentElement.lang === 'de' && document.querySelector('h1').textContent === 'Einstellungen'")
    page.open(page.js("location.href"))
    page.until("document.querySelector('h1')?.textContent === 'Einstellungen'")


def test_nobodys_words_are_markup(browser: Browser, shop: Shop) -> None:
    for text in MARKUP:
        shop.visitor(text, text)
    page = open_console(browser, shop)
    for text in MARKUP:
        choose(page, text)
        page.wait(lambda text=text: page.js(LINES) == [text], text)  # type: ignore[misc]
        page.until("document.querySelector('.profile-head')")
    assert page.js("window.hacked") is None
    assert complaints(page) == []


def test_keys_lead_through_the_inbox(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    shop.visitor("Bob", "Is the blue bicycle there?")
    page = open_console(browser, shop)
    shows(page, "Bob", "Ada")
    for key in "jj":
        page.press(key)
    page.until("document.activeElement.textContent.includes('Ada')")
    page.press("Enter")
    page.until(f"{TEXT} && document.querySelector('.line')")
    page.press("n")
    page.until("document.querySelector('.composer.note') && document.activeElement.matches('textarea')")
    page.press("Escape")
    page.press("t")
    page.until("document.querySelector('.turn.human')")
    page.press("?")
    page.until("document.querySelector('dialog .keys')")
    page.press("Escape")
    page.press("k", control=True)
    page.until("document.activeElement.matches('.palette input')")
    page.type("blue bic")
    page.until("document.querySelector('.palette [aria-selected=true]')?.textContent.includes('blue bicycle')")
    page.press("Enter")
    page.until("document.querySelector('.conversation-title h1')?.textContent === 'Bob'")
    page.press("Escape")
    page.press("e")
    shows(page, "Ada")
    page.press("g")
    page.press("s")
    page.until("location.pathname === '/console/settings'")


def test_of_20_000_conversations_only_those_in_sight_are_in_the_page(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop)
    shows(page, "Ada")
    page.js(
        """import(document.querySelector('link[href$="live.js"]').href).then((live) => {
          const row = live.list.value.entries[0].row.value;
          window.live = live;
          live.merge(Array.from({length: 20000}, (_, index) => ({
            ...row, id: `many-${index}`, customerName: `Person ${index}`,
            lastMessageAt: new Date(Date.parse(row.lastMessageAt) - index * 1000 - 1000).toISOString(),
          })));
        })"""
    )
    page.until("live.list.value.entries.length === 20001 && document.querySelectorAll('.row').length > 5")
    assert page.js("document.querySelectorAll('.row').length") < 40
    last = "{...live.list.value.entries.at(-1).row.value}"
    page.js(f"live.merge([{{...{last}, lastMessageAt: new Date(Date.now() + 60000).toISOString()}}])")
    page.until(f"{ROWS}[0] === 'Person 19999'")
    page.js("document.querySelector('.virtual-list').scrollTop = 1e9")
    page.until(f"{ROWS}.at(-1) === 'Person 19998'")


def test_a_phone_shows_the_list_or_the_conversation(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop, width=PHONE[0])
    choose(page, "Ada")
    visible = "document.querySelector('.list').getBoundingClientRect().width > 0"
    assert page.js(visible) is False
    page.js("document.querySelector('.conversation-head .back').click()")
    page.until(visible)
    assert page.js("document.documentElement.scrollWidth") == PHONE[0]


def test_a_viewer_reads_and_is_offered_nothing_that_they_may_not_do(browser: Browser, shop: Shop) -> None:
    shop.visitor("Ada", "Hello")
    page = open_console(browser, shop, shop.colleague("Vera", "viewer"))
    choose(page, "Ada")
    assert page.js("document.querySelector('.composer, .turn, .conversation-actions, .row input')") is None
    [conversation] = shop.conversations()
    assert conversation["unread"] == 1


def test_a_foreign_conversation_is_none(browser: Browser, shop: Shop) -> None:
    page = open_console(browser, shop, path="/console/inbox/open/0123456789abcdef")
    page.until("document.querySelector('.conversation-place h2')?.textContent === 'There is no such conversation'")


@pytest.mark.parametrize("width", [PHONE[0], 820, 1280])
def test_every_screen_is_accessible_in_light_and_dark(browser: Browser, shop: Shop, width: int) -> None:
    need(JAVASCRIPT, "REQUIRE_JAVASCRIPT")
    axe = (JAVASCRIPT / "node_modules" / "axe-core" / "axe.min.js").read_text()
    shop.visitor("Ada", "Hello")
    add_settings(shop)
    page = open_console(browser, shop, width=width)
    page.js(axe + ";0")
    for path in [*SCREENS, *details(shop)]:
        go(page, path)
        page.until("document.querySelector('main h1, main h2')")
        _is_accessible(page, path)
    page.press("?")
    page.until("document.querySelector('dialog[open]')")
    _is_accessible(page, "keys")
    assert complaints(page) == []


def _is_accessible(page: Page, place: str) -> None:
    """Axe has nothing against what is shown, once nothing is being loaded any more."""
    page.until("!document.querySelector('.skeleton')")
    summary = "violations.map(({ id, nodes }) => [id, nodes.map((node) => [node.target, node.failureSummary])])"
    # Themes differ in their colors alone.
    for theme, rules in (("light", ""), ("dark", "runOnly: ['color-contrast'],")):
        page.prefer(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
        options = f"{{ {rules} resultTypes: ['violations'] }}"
        violations = page.js(f"axe.run(document, {options}).then(({{ violations }}) => {summary})")
        assert violations == [], (place, theme, violations)
