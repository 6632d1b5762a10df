"""Pages before one is in, as axe-core sees them: signing in, a forgotten password, a second factor."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from playwright.sync_api import ViewportSize, expect

from packhouse.accounts import reset_links
from packhouse.kit import clock
from packhouse.kit.db import Database
from tests.browser.conftest import Desk
from tests.browser.test_axe import Inspector
from tests.web.conftest import EMAILS, PASSWORD

PHONE: ViewportSize = {"width": 390, "height": 844}
REFUSED = ("401", "403", "422")  # the browser's own lines of what was refused


def make_link(database_url: str) -> str:
    """Made in a thread: playwright has the event loop of this one."""

    async def work() -> str:
        db = Database(database_url)
        try:
            return await db.write(lambda tx: reset_links.make(tx, 1, 1, now=clock.now()))
        finally:
            await db.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work()).result()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_is_not_in_yet_meets_no_violation(desk: Desk, database_url: str, scheme: str) -> None:
    page = desk.open("/account", color_scheme=scheme)
    page.context.clear_cookies()
    eye = Inspector(page, desk.url, scheme)
    eye.visit("/sign-in")
    page.fill("[name=email]", EMAILS["owner"])
    page.fill("[name=password]", "not-the-password")
    page.click("button")
    expect(page.locator("#wrong")).to_be_visible()
    eye.look("sign-in-wrong")
    eye.visit("/sign-in/forgotten")
    page.goto(f"{desk.url}/sign-in/reset?link=1.none")
    eye.look("reset-over")
    desk.complaints = [told for told in desk.complaints if "404" not in told]  # of a link that is good no more
    page.goto(f"{desk.url}/sign-in/reset?link={make_link(database_url)}")
    eye.look("reset")
    page.fill("[name=password]", "short")
    page.fill("[name=again]", "other")
    page.click("button")
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    eye.look("reset-refused")
    page.set_viewport_size(PHONE)
    eye.look("phone-reset-refused")
    for place in ("/sign-in", "/sign-in/forgotten"):
        page.goto(f"{desk.url}{place}")
        eye.look(f"phone-{place}")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    desk.complaints = [told for told in desk.complaints if not any(code in told for code in REFUSED)]
    assert eye.found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_second_factor_meets_no_violation(desk: Desk, scheme: str) -> None:
    page = desk.open("/account/two-factors", color_scheme=scheme)
    eye = Inspector(page, desk.url, scheme)
    eye.look("two-factors-none")
    page.click("form[action^='/account/two-factors/offer'] button")
    expect(page.locator("#key")).to_be_visible()
    eye.look("two-factors-offered")
    secret = page.locator("#key").inner_text().replace(" ", "")
    page.fill("[name=code]", "000000")
    page.click(".sheet-form button")
    expect(page.locator("#wrong")).to_be_visible()
    eye.look("two-factors-wrong")
    page.fill("[name=code]", pyotp.TOTP(secret).now())
    page.click(".sheet-form button")
    expect(page.locator(".codes li").first).to_be_visible()
    eye.look("two-factors-codes")
    page.set_viewport_size(PHONE)
    eye.look("phone-two-factors-codes")
    assert page.locator(".codes code").first.evaluate("code => code.getClientRects().length") == 1  # on one line
    eye.visit("/account/two-factors")
    page.context.clear_cookies()
    page.goto(f"{desk.url}/sign-in")
    page.fill("[name=email]", EMAILS["owner"])
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    page.wait_for_url("**/sign-in/code**")
    eye.look("sign-in-code")
    page.fill("[name=code]", "000000")
    page.click("button")
    expect(page.locator("#wrong")).to_be_visible()
    eye.look("sign-in-code-wrong")
    desk.complaints = [told for told in desk.complaints if not any(code in told for code in REFUSED)]
    assert eye.found == {}
