"""In a browser: a scanner at the packing station, without one click."""

import itertools
import re
import sqlite3
from contextlib import closing
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import RULES, Desk, find_violations, keep
from tests.browser.test_page import send
from tests.conftest import OWNER
from tests.packing_station.conftest import CUP, EAN, TEAPOT, goods, order

STATION = "#station"
_PRINT = "window.prints = 0; window.print = () => { window.top.prints += 1; }"


def scan(page: Page, text: str, end: str = "Enter") -> None:
    page.keyboard.type(text, delay=3)
    page.keyboard.press(end)


def expect_tone(page: Page, tone: str) -> None:
    expect(page.locator(".screen")).to_have_attribute("data-tone", tone)


def open_bench(desk: Desk, role: str = "packer", **options: Any) -> Page:
    """The first bench, which is made by who comes first; what the browser prints is counted."""
    page = desk.open("/pack", role, **options)
    page.add_init_script(_PRINT)
    page.locator("form[action='/pack/bench'] button").first.click()
    expect(page.locator("#scan")).to_be_focused()
    return page


def count_labels(desk: Desk) -> int:
    return len(httpx.get(f"{desk.url}/api/v3/shipments?page_size=100", auth=OWNER).json()["data"])


_COUNT = """
window.acts = {clicks: 0, touches: 0, keys: 0};
const count = (kind) => (event) => { if (event.isTrusted) window.acts[kind] += 1; };
addEventListener('click', count('clicks'), true);
addEventListener('pointerdown', count('touches'), true);
addEventListener('keydown', count('keys'), true);
"""


def test_thirty_orders_by_scans_alone(desk: Desk, database_url: str) -> None:
    """Thirty orders of three pieces each: 120 scans in bursts, one after the other, no click, no touch, and no key but
    those that the scanner sends. Each label is printed once, also where the browser prints more slowly than that."""
    numbers = range(30)
    for number in numbers:
        send(desk, order(number, goods(teapot=2, cup=1)))
    page = open_bench(desk)
    page.add_init_script(_COUNT)
    page.reload()
    codes = [code for number in numbers for code in (f"N-o-{number}", TEAPOT, EAN, CUP)]
    for code in codes:
        scan(page, code)
    expect(page.locator(".pack-bar")).to_contain_text("30 packed today")
    expect_tone(page, "done")
    expect(page.locator("[data-print]")).to_have_count(0)
    sent = sum(len(code) + 1 for code in codes)
    assert page.evaluate("window.acts") == {"clicks": 0, "touches": 0, "keys": sent}
    assert count_labels(desk) == 30
    expect(page.locator(".prints li.printed")).to_have_count(8)  # as many as are shown
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as db:
        assert db.execute("SELECT state, count(*) FROM print_jobs GROUP BY state").fetchall() == [("printed", 30)]
    assert page.evaluate("window.prints") == 30
    keep(page, "pack-done")


# Until `finish` the page hears of no print that it is done, and so begins no other.
_SLOW_PRINTER = """
const ask = window.fetch;
const finished = new Promise((resolve) => { window.finish = resolve; });
window.fetch = async (place, options) => {
  if (String(place).endsWith('/printed')) await finished;
  return ask(place, options);
};
"""


def test_a_browser_that_prints_slowly_prints_every_label_once(desk: Desk) -> None:
    """Ten labels are waiting before the first is printed: more than the screen lists of those that are done."""
    for number in range(10):
        send(desk, order(number, goods(cup=1)))
    page = open_bench(desk)
    page.add_init_script(_SLOW_PRINTER)
    page.reload()
    for number in range(10):
        scan(page, f"N-o-{number}")
        scan(page, CUP)
    expect(page.locator(".pack-bar")).to_contain_text("10 packed today")
    expect(page.locator("[data-print]")).to_have_count(10)
    page.evaluate("window.finish()")
    expect(page.locator("[data-print]")).to_have_count(0)
    assert page.evaluate("window.prints") == 10


def test_a_wrong_scan_is_loud_wherever_the_focus_is(desk: Desk) -> None:
    send(desk, order(1, goods(teapot=2, cup=6)))
    page = open_bench(desk)
    scan(page, "N-o-1")
    expect(page.locator("#order")).to_have_text("N-o-1")
    keep(page, "pack-open")
    for focused in ("#mute", ".pack-bar a", ".acts button[data-key=B]", "#scan"):
        scan(page, CUP)
        expect(page.locator(".lines li.last .count")).to_contain_text("of 6")
        page.locator(focused).first.focus()
        scan(page, "47 11x", "Tab" if focused == "#mute" else "Enter")
        expect_tone(page, "wrong")
        expect(page.locator(".told")).to_contain_text("“47 11x” is not in N-o-1. Expected: Teapot, blue.")
        expect(page.locator(STATION)).to_have_attribute("data-played", "wrong")
    expect(page.locator(".lines li.last .count")).to_have_text("4 of 6")
    keep(page, "pack-wrong")
    assert find_violations(page) == []
    scan(page, TEAPOT)
    expect_tone(page, "good")


def test_what_is_typed_by_hand(desk: Desk) -> None:
    """Letters alone are commands, numbers are quantities; an order number that begins with such a letter is one."""
    send(desk, order(1, goods(teapot=1, cup=6), order_number="B-77"))
    page = open_bench(desk)
    page.keyboard.type("B-77", delay=120)
    page.keyboard.press("Enter")
    expect(page.locator("#order")).to_have_text("B-77")
    scan(page, CUP)
    page.keyboard.type("4", delay=100)
    page.keyboard.press("Enter")
    expect(page.locator(".lines li.last .count")).to_have_text("4 of 6")
    page.keyboard.type("+", delay=100)
    page.keyboard.press("Enter")
    expect(page.locator(".lines li.last .count")).to_have_text("5 of 6")
    page.keyboard.press("b")
    expect(page.locator(".boxes li")).to_have_count(2)
    scan(page, CUP)
    expect(page.locator(".boxes li").last).to_contain_text("1 piece")
    page.keyboard.press("z")
    expect(page.locator(".lines li.last .count")).to_have_text("5 of 6")
    page.keyboard.press("h")
    expect(page.locator(".told")).to_contain_text("B-77 is put aside: an item is missing.")
    scan(page, "B-77")
    expect_tone(page, "ask")
    keep(page, "pack-ask")
    assert find_violations(page) == []
    scan(page, "PHGO")
    expect(page.locator(".lines li .count").last).to_have_text("5 of 6")
    scan(page, CUP)
    scan(page, TEAPOT)
    expect_tone(page, "done")
    assert count_labels(desk) == 1


def test_two_benches_at_the_same_order(desk: Desk, database_url: str) -> None:
    send(desk, order(1, goods(teapot=1, cup=1)))
    first = open_bench(desk)
    owner = desk.open("/settings/benches")
    owner.fill("[name=name]", "Bench 2")
    owner.get_by_role("button", name="Add", exact=True).click()
    owner.goto(f"{desk.url}/pack?choose=1")
    owner.get_by_role("button", name="Bench 2").click()
    scan(first, "N-o-1")
    scan(first, CUP)
    expect_tone(first, "good")
    scan(owner, "N-o-1")
    expect_tone(owner, "ask")
    expect(owner.locator(".question")).to_contain_text("It is being packed at Bench 1. Take it over?")
    scan(owner, "PHGO")
    expect(owner.locator(".lines li.last .count")).to_contain_text("1 of 1")
    scan(first, TEAPOT)
    expect(first.locator(".question")).to_contain_text("taken over at Bench 2")
    scan(owner, TEAPOT)
    expect_tone(owner, "done")
    assert count_labels(desk) == 1
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as db:
        assert len(db.execute("SELECT DISTINCT bench_id FROM packing_events").fetchall()) == 2


def test_scans_outlive_a_connection_that_breaks(desk: Desk) -> None:
    """Each is counted once, also one whose answer was lost."""
    send(desk, order(1, goods(cup=5)))
    page = open_bench(desk)
    scan(page, "N-o-1")
    expect(page.locator("#order")).to_be_visible()
    attempts = itertools.count()

    def breaks(route: Any) -> None:
        number = next(attempts)
        if number == 0:
            route.abort()
        elif number == 1:
            route.fetch()  # it arrives, and its answer does not
            route.abort()
        else:
            route.continue_()

    page.route("**/pack/scan", breaks)
    for _ in range(3):
        scan(page, CUP)
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator(".lines .count")).to_have_text("3 of 5")
    expect(page.locator("#offline")).to_be_hidden()
    desk.complaints = [told for told in desk.complaints if "ERR_FAILED" not in told]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_station_has_no_violation(desk: Desk, scheme: str) -> None:
    held = {"status": {"code": "on_hold", "message": "Hold"}}
    pack_note = {"notes": "Gift: please wrap it."}
    send(desk, order(1, goods(teapot=2, cup=1), order_details=pack_note), order(2, goods(cup=1), order_details=held))
    page = open_bench(desk, color_scheme=scheme)
    seen = []
    for code, tone in (("", "quiet"), ("N-o-1", "good"), ("nothing", "wrong"), (TEAPOT, "good"), ("PHCLOSE", "quiet")):
        if code:
            scan(page, code)
        expect_tone(page, tone)
        seen.append((code, find_violations(page, *RULES[scheme])))
    scan(page, "N-o-2")
    expect_tone(page, "ask")
    seen.append(("ask", find_violations(page, *RULES[scheme])))
    keep(page, f"pack-held-{scheme}")
    scan(page, "PHGO")
    scan(page, CUP)
    expect_tone(page, "done")
    expect(page.locator(".prints li.printed")).to_have_count(1)
    seen.append(("done", find_violations(page, *RULES[scheme])))
    scan(page, "N-o-1")
    expect_tone(page, "good")
    keep(page, f"pack-{scheme}")
    page.set_viewport_size({"width": 820, "height": 1180})
    seen.append(("tablet", find_violations(page, *RULES[scheme])))
    keep(page, f"pack-tablet-{scheme}")
    assert [(code, found) for code, found in seen if found] == []
    buttons = page.locator("#station button:not(.sr), #station a")
    assert [box for box in buttons.all() if (found := box.bounding_box()) and found["height"] < 43.5] == []


def test_the_station_works_without_scripts(desk: Desk) -> None:
    send(desk, order(1, goods(cup=1)))
    page = desk.open("/pack", "packer", java_script_enabled=False)
    page.locator("form[action='/pack/bench'] button").first.click()
    for code in ("N-o-1", CUP):
        page.fill("#scan", code)
        page.keyboard.press("Enter")
    expect(page.locator(".told")).to_contain_text("N-o-1 is packed.")
    expect(page).to_have_url(re.compile("/pack$"))
