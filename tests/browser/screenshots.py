"""The pictures of the page in the documentation: `make screenshots`."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any, Literal

import orjson
from playwright.sync_api import Browser, FilePayload, sync_playwright

from packhouse import migrations
from packhouse.accounts import operations as accounts
from packhouse.accounts import users
from packhouse.accounts.schema import Caller
from packhouse.context import open_encryptor
from packhouse.integrations import operations as integrations
from packhouse.kit import clock, security
from packhouse.kit.db import Database
from packhouse.orders import demo, operations, schema
from packhouse.settings import Settings
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.setup_schema import RULE
from tests.browser.conftest import FLAGS, serving

DOCS = Path(__file__).parent.parent.parent / "docs"
PICTURES: tuple[tuple[Literal["light", "dark"], str], ...] = (("light", ""), ("dark", "-dark"))
LIGHT = {
    "name": "light NL",
    "conditions": {"countries": ["NL"], "weight": {"max": 3, "unit": "kg"}},
    "actions": {"shipping_option_code": "post:express"},
}
EMAIL, PASSWORD = "ada@example.com", "correct-horse-battery"


async def fill(url: str) -> None:
    db, now = Database(url), clock.now()
    await migrations.upgrade(db)
    async with db.begin() as tx:
        account = await accounts.create_account(tx, "demo", "NL", now=now)
        shops = [await integrations.create_integration(tx, account, n, now=now) for n in ("Teashop", "Blumen B2B")]
        await users.create_user(tx, account, EMAIL, security.hash_password(PASSWORD), "owner", now=now)
        await setup.create_item(tx, open_encryptor(Settings(database_url=url), db), account, RULE, LIGHT, now=now)
        made: list[Any] = list(demo.make_orders(90, seed=0, integration_ids=shops, now=now))
        for order in Random(1).sample(made, 12):
            order["shipping_address"]["postal_code"] = "?"
        batch = schema.read_batch(orjson.dumps(made)).value
        await operations.upsert_orders(tx, Caller(account, "NL", "command:demo"), batch, now=now)
    await db.close()


class Camera:
    """Somebody who is signed in and takes pictures."""

    def __init__(self, browser: Browser, place: str, **options: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1360, "height": 720}, **options)
        self.place = place
        self.page.goto(f"{place}/sign-in")
        self.page.fill("[name=email]", EMAIL)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button")
        self.page.wait_for_url("**/orders**")

    def open(self, place: str) -> None:
        self.page.goto(f"{self.place}{place}")

    def take(self, name: str) -> None:
        self.page.screenshot(path=DOCS / f"page-{name}.png")


def take_by_scheme(browser: Browser, place: str, scheme: Literal["light", "dark"], suffix: str) -> None:
    camera = Camera(browser, place, color_scheme=scheme, locale="en-GB")
    camera.open("/orders")
    camera.take(f"orders{suffix}")
    camera.page.click("tbody .c-number a")
    camera.page.wait_for_selector("#order-title")
    camera.take(f"order{suffix}")


def take_in_german(browser: Browser, place: str) -> None:
    camera = Camera(browser, place, locale="de-DE")
    camera.open("/orders?country=DE&show=all")
    camera.take("orders-de")


def take_shipping(browser: Browser, place: str) -> None:
    """Last, because it takes orders out of the list."""
    camera = Camera(browser, place, locale="en-GB")
    page = camera.page
    camera.open("/orders?size=50")
    for row in page.locator("tbody tr").all()[:8]:
        row.locator("input").check()
    page.wait_for_selector("#options select")
    camera.take("selection")
    page.click("[data-key=m]")
    page.wait_for_selector(".measured")
    camera.take("measures")
    page.go_back()
    page.wait_for_selector("#options select")
    page.click("[data-key=l]")
    page.wait_for_selector("[name=held][value=skip]")  # some had better not be shipped
    camera.take("asked")
    page.click("[name=held][value=skip]")
    page.wait_for_url("**/labels**")
    page.wait_for_selector("#progress:not([hx-trigger])")
    camera.take("labels")
    camera.open("/shipments")
    camera.take("shipments")
    camera.open("/")
    camera.take("start")
    camera.open("/settings/rules")
    camera.take("rules")


def make_file() -> bytes:
    """Orders of which two would be refused."""
    made: list[Any] = list(demo.make_orders(148, seed=5, integration_ids=[1], now=clock.now()))
    made[40]["shipping_address"]["country_code"] = "QQ"
    del made[90]["payment_details"]["total_price"]
    return b"".join(orjson.dumps(order) + b"\n" for order in made)


def make_strange_file() -> bytes:
    """Columns of nobody's but the shop's own."""
    return (
        b"Beleg;Besteldatum;Naam;Straat;Postcode;Plaats;Land;Artikel;Aantal;Prijs;Kanaal\n"
        b"T-1;20-02-2026 10:00;Ada Visser;Teststraat 10;1011 AB;Amsterdam;Nederland;Green tea;2;7,95;web\n"
        b"T-2;21-02-2026 11:30;Bo Bakker;Teststraat 12;1011 AB;Amsterdam;Nederland;Teapot;een;24,50;web\n"
    )


def take_import(browser: Browser, place: str) -> None:
    camera = Camera(browser, place, locale="en-GB")
    page = camera.page
    camera.open("/import")
    file: FilePayload = {"name": "teashop-november.jsonl", "mimeType": "application/jsonl", "buffer": make_file()}
    page.set_input_files("[name=file]", file)
    page.click("text=Look through the file")
    page.wait_for_selector("#progress:not([hx-trigger])")
    camera.take("import")
    camera.open("/import")
    strange: FilePayload = {"name": "lijst.csv", "mimeType": "text/csv", "buffer": make_strange_file()}
    page.set_input_files("[name=file]", strange)
    page.click("text=Look through the file")
    page.wait_for_selector("#fields")
    camera.take("columns")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/screenshots.db"
        asyncio.run(fill(url))
        with serving(url) as place, sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            for scheme, suffix in PICTURES:
                take_by_scheme(browser, place, scheme, suffix)
            take_in_german(browser, place)
            take_import(browser, place)
            take_shipping(browser, place)
            browser.close()


if __name__ == "__main__":
    main()
