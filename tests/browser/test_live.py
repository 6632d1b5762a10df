"""In a browser: the order that is open was changed elsewhere, while somebody types into its forms."""

import re

import httpx
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PATIENCE_MS, PROMISED_MS, Desk, find_violations, keep
from tests.browser.test_page import order, send
from tests.conftest import OWNER

NOTES = "[name='order_details/notes']"


def change(desk: Desk, id: int, **changes: object) -> None:
    answer = httpx.patch(f"{desk.url}/api/v3/orders/{id}", json=changes, auth=OWNER)
    assert answer.status_code == 200, answer.text


def test_a_change_made_elsewhere_is_told_and_typing_goes_on(desk: Desk) -> None:
    [first, second] = send(desk, order(1), order(2))
    page = desk.open("/orders")
    page.locator("tr", has_text="N-o-2").locator(".c-number a").click()
    expect(page.locator("#order-title")).to_have_text("N-o-2")
    page.locator("tr", has_text="N-o-1").locator(".c-number a").click()  # another one is open now
    expect(page.locator("#order-title")).to_have_text("N-o-1")
    notes = page.locator(NOTES)
    notes.press_sequentially("ring tw")
    change(desk, second, order_details={"notes": "not this one"})
    change(desk, first, shipping_address={"city": "Gouda"}, order_details={"tags": ["gift"]})
    told = re.compile(r"Changed by owner-public · \d+:\d\d: .*city")
    expect(page.locator("#changed")).to_contain_text(told, timeout=PROMISED_MS)
    assert notes.evaluate("field => field === document.activeElement && field.selectionStart") == len("ring tw")
    notes.press_sequentially("ice")
    expect(notes).to_have_value("ring twice")
    expect(page.locator("#order address").first).not_to_contain_text("Gouda")
    assert find_violations(page) == []
    keep(page, "changed-elsewhere")
    page.locator("#changed button").click()
    expect(page.locator("#order address").first).to_contain_text("Gouda")
    expect(page.locator(NOTES)).to_have_value("ring twice")
    expect(page.locator("[name='order_details/tags']")).to_have_value("gift")
    expect(page.locator("#order-title")).to_be_focused()
    assert find_violations(page) == []
    keep(page, "changed-shown")
    change(desk, first, order_details={"notes": "theirs"})
    expect(page.locator("#changed")).to_contain_text("notes", timeout=PROMISED_MS)
    page.locator("#changed button").click()
    expect(page.locator("#order")).to_contain_text("Now: theirs")
    expect(page.locator(NOTES)).to_have_value("ring twice")
    page.locator("form", has=page.locator(NOTES)).locator("button").click()
    expect(page.locator(".history")).to_contain_text("theirs → ring twice")
    page.wait_for_timeout(1_500)  # as long as the stream takes: one's own change is no news
    expect(page.locator("#changed form")).to_have_count(0)


def test_a_deletion_is_told_where_the_order_is_open(desk: Desk) -> None:
    [first, *_] = send(desk, order(1), order(2))
    page = desk.open(f"/orders/{first}", role="viewer", viewport={"width": 820, "height": 1000})
    assert httpx.delete(f"{desk.url}/api/v3/orders/{first}", auth=OWNER).status_code == 204
    expect(page.locator("#changed")).to_contain_text("Deleted by owner-public", timeout=PROMISED_MS)
    assert find_violations(page) == []
    keep(page, "deleted-elsewhere")
    page.locator("#changed a").click()
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-2"])


def open_tabs(desk: Desk, places: list[str]) -> list[Page]:
    """In one browser, as one person."""
    first = desk.open(places[0])
    tabs = [first, *(first.context.new_page() for _ in places[1:])]
    for tab, place in zip(tabs[1:], places[1:], strict=True):
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(f"{desk.url}{place}")
    return tabs


def test_many_tabs_have_one_stream(desk: Desk) -> None:
    send(desk, order(1))
    [signed_in] = open_tabs(desk, ["/orders"])
    first = signed_in.context.new_page()
    signed_in.close()  # a page of its own, whose one stream is there before the others are opened
    with first.expect_response("**/orders/live"):
        first.goto(f"{desk.url}/orders")
    asked: list[str] = []
    first.context.on("request", lambda request: asked.append(request.url) if "/orders/live" in request.url else None)
    others = [first.context.new_page() for _ in range(7)]
    for tab in others:
        tab.goto(f"{desk.url}/orders")
    send(desk, order(2))
    for tab in (first, *others):
        expect(tab.locator("tbody .c-number")).to_have_text(["N-o-2", "N-o-1"], timeout=2 * PROMISED_MS)
        expect(tab.locator("#incoming")).to_have_text("2")
    assert asked == []
    first.close()  # it had the stream: another one takes over
    send(desk, order(3))
    for tab in others:
        expect(tab.locator("tbody .c-number")).to_have_count(3)
    assert asked == [f"{desk.url}/orders/live"]


def test_each_tab_hears_of_the_order_that_is_open_in_it(desk: Desk) -> None:
    [first, second, third] = send(desk, order(1), order(2), order(3))
    tabs = open_tabs(desk, [f"/orders/{first}", f"/orders/{second}", "/orders"])
    tabs[2].locator("tr", has_text="N-o-3").locator(".c-number a").click()
    expect(tabs[2].locator("#order-title")).to_have_text("N-o-3")
    tabs[2].wait_for_timeout(1_500)  # until the stream follows it
    for id, city in ((second, "Gouda"), (third, "Delft")):
        change(desk, id, shipping_address={"city": city})
    for tab in tabs[1:]:
        expect(tab.locator("#changed")).to_contain_text("city", timeout=2 * PROMISED_MS)
    expect(tabs[0].locator("#changed form")).to_have_count(0)


def test_a_browser_without_locks_has_a_stream_of_its_own(desk: Desk) -> None:
    send(desk, order(1))
    page = desk.open("/sign-in")
    page.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    page.goto(f"{desk.url}/orders")
    send(desk, order(2))
    expect(page.locator("tbody .c-number")).to_have_text(["N-o-2", "N-o-1"], timeout=PROMISED_MS)


def test_a_stream_whose_session_has_just_ended_is_no_error(desk: Desk) -> None:
    """The request for it is held until the session is gone, as on a slow line."""
    send(desk, order(1))
    page = desk.open("/account")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("/orders/live"), hold)
    page.goto(f"{desk.url}/orders")
    while not held:
        page.wait_for_timeout(50)
    page.context.clear_cookies()
    with page.expect_response(re.compile("/orders/live")) as answer:
        held[0].continue_()
    assert answer.value.status == 204
    with page.expect_response("**/health"):  # the page asks whether the server is there
        pass
    expect(page.locator("#offline")).to_be_hidden()
