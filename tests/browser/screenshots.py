"""The pictures of the page in the documentation: `make screenshots`."""

import asyncio
import io
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Literal

import orjson
import pypdfium2
from PIL import Image, ImageDraw, ImageFont
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
from packhouse.shipping.setup.setup_schema import RULE, SENDER
from tests.browser.conftest import FLAGS, serving

DOCS = Path(__file__).parent.parent.parent / "docs"
PICTURES: tuple[tuple[Literal["light", "dark"], str], ...] = (("light", ""), ("dark", "-dark"))
LIGHT = {
    "name": "light NL",
    "conditions": {"countries": ["NL"], "weight": {"max": 3, "unit": "kg"}},
    "actions": {"shipping_option_code": "post:express"},
}
TEASHOP = {
    "name": "Teashop",
    "address_line_1": "Keizersgracht",
    "house_number": "12",
    "postal_code": "1015 CR",
    "city": "Amsterdam",
    "country_code": "NL",
    "is_default": True,
}
EMAIL, PASSWORD = "ada@example.com", "correct-horse-battery"


async def fill(url: str) -> None:
    db, now = Database(url), clock.now()
    await migrations.upgrade(db)
    async with db.begin() as tx:
        account = await accounts.create_account(tx, "demo", "NL", now=now)
        shops = [await integrations.create_integration(tx, account, n, now=now) for n in ("Teashop", "Blumen B2B")]
        await users.create_user(tx, account, EMAIL, security.hash_password(PASSWORD), "owner", now=now)
        encryptor = open_encryptor(Settings(database_url=url), db)
        await setup.create_item(tx, encryptor, account, RULE, LIGHT, now=now)
        await setup.create_item(tx, encryptor, account, SENDER, dict(TEASHOP), now=now)
        made: list[Any] = list(demo.make_orders(90, seed=0, integration_ids=shops, now=now))
        for order in Random(1).sample(made, 12):
            order["shipping_address"]["postal_code"] = "?"
        made += make_packed(shops[0], now)
        batch = schema.read_batch(orjson.dumps(made)).value
        await operations.upsert_orders(tx, Caller(account, "NL", "command:demo"), batch, now=now)
    await db.close()


class Camera:
    """Somebody who is signed in and takes pictures."""

    def __init__(self, browser: Browser, place: str, **options: Any) -> None:
        self.page = browser.new_page(**{"viewport": {"width": 1360, "height": 720}, **options})
        self.page.set_default_timeout(10_000)
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

    def scan(self, *codes: str) -> None:
        """As a scanner does."""
        for code in codes:
            self.page.keyboard.type(code, delay=3)
            self.page.keyboard.press("Enter")


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
    page.click("a[href^='/returns/new']")
    page.wait_for_selector("main form")
    camera.take("return")
    page.click("main form.sheet-form button")
    page.wait_for_url("**/returns**")
    page.wait_for_selector("table, .banner")
    camera.open("/returns")
    camera.take("returns")
    camera.open("/orders?country=DE")
    page.click("tbody tr:not(:has(.warn)) .c-number a")
    page.wait_for_selector("#label button")
    page.click("#label button")
    page.wait_for_selector("#order >> text=Label made")
    camera.take("label")
    camera.open("/")
    camera.take("start")
    camera.open("/settings/rules")
    camera.take("rules")


def take_packing(browser: Browser, place: str) -> None:
    """A day at a bench, from setting it up to the label; the orders are those of `make_packed`."""
    camera = Camera(browser, place, locale="en-GB")
    page = camera.page
    page.add_init_script("window.print = () => {}")
    camera.open("/pack/bins")
    page.set_input_files("[name=file]", {"name": "bins.csv", "mimeType": "text/csv", "buffer": BINS})
    page.click("main form.sheet-form button")
    page.wait_for_selector("table")
    camera.take("pack-bins")
    camera.open("/pack")
    page.click("form[action='/pack/bench'] button")
    page.wait_for_selector("#scan")
    camera.scan("PACK-1", "TP-1", "CU-6", "CU-6")
    page.wait_for_selector(".lines li.last:has-text('2 of 6')")
    camera.take("pack")
    camera.scan("LAMP-9")
    page.wait_for_selector("[data-tone=wrong]")
    camera.take("pack-wrong")
    camera.scan("CU-6", "CU-6", "CU-6", "CU-6", "TR-1")
    page.wait_for_selector("[data-tone=done]")
    camera.scan("PACK-2")
    page.wait_for_selector("[data-tone=ask]")
    camera.take("pack-ask")
    camera.scan("PHNO")
    page.wait_for_selector("[data-tone=quiet]")
    camera.open("/pack/batches")
    page.fill("[name=size]", "12")
    page.click("form[action='/pack/batches'] button:has-text('Take')")
    page.wait_for_url("**/pack/batches/*")
    camera.take("batch")
    camera.open("/pack/batches")
    camera.take("batches")
    camera.open("/settings/benches/1")
    camera.take("printers")


def take_settings(browser: Browser, place: str) -> None:
    camera = Camera(browser, place, locale="en-GB")
    page = camera.page
    camera.open("/settings/slips")
    page.fill("[name='text/en']", "Thank you!\nA return: within 30 days, see tea.example.com/returns.")
    page.fill("[name='text/nl']", "Dank u wel!\nRetour: binnen 30 dagen, zie tea.example.com/retour.")
    page.fill("[name='text/de']", "Vielen Dank!\nRückgabe: binnen 30 Tagen, siehe tea.example.com/retoure.")
    logo: FilePayload = {"name": "logo.png", "mimeType": "image/png", "buffer": draw_logo()}
    page.set_input_files("[name=logo]", logo)
    page.click("main form.sheet-form button")
    page.wait_for_selector("[name=drops_logo]")
    camera.take("slips")
    example = page.request.get(f"{place}/settings/slips/example?language=de").body()
    with pypdfium2.PdfDocument(example) as file:
        file[0].render(scale=1.6).to_pil().crop((0, 0, 952, 620)).save(DOCS / "page-slip.png")
    camera.open("/settings/contracts")
    page.select_option("[name=carrier_code]", "ups")
    camera.take("contract")


def take_on_a_phone(browser: Browser, place: str) -> None:
    camera = Camera(browser, place, locale="en-GB", has_touch=True, viewport={"width": 390, "height": 844})
    page = camera.page
    camera.open("/orders")
    page.locator("tbody tr").nth(1).locator("input").check()
    page.wait_for_selector("#options select", state="attached")
    camera.take("phone")
    camera.open("/orders")
    page.click("tbody .c-number a")
    page.wait_for_selector("#order-title")
    camera.take("phone-order")


def draw_logo() -> bytes:
    image = Image.new("RGBA", (900, 260), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((10, 60, 250, 230), 60, fill=(20, 96, 82, 255))
    pen.arc((210, 90, 320, 200), 270, 90, fill=(20, 96, 82, 255), width=28)
    pen.rectangle((60, 20, 200, 44), fill=(20, 96, 82, 255))
    pen.text((360, 70), "Teashop", font=ImageFont.load_default(130), fill=(30, 30, 30, 255))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


BINS = (
    b"sku,bin\nTP-1,A-03-2\nCU-6,A-03-4\nTR-1,B-01-1\nLAMP-9,C-02-2\n"
    b"BEA-RIB-MUSTARD,A-01-1\nBIK-LIGHT,A-02-5\nBLK-WOOL,B-04-1\nHON-LIME,C-01-3\n"
)


def make_packed(shop: int, now: datetime) -> list[dict[str, Any]]:
    """An order that is packed in the pictures, and one that had better not be."""
    items = [
        {"item_id": "1", "sku": "TP-1", "name": "Teapot, blue", "quantity": 1, "ean": "4006381333931"},
        {"item_id": "2", "sku": "CU-6", "name": "Cup of white porcelain", "quantity": 6},
        {"item_id": "3", "sku": "TR-1", "name": "Tray, oak", "quantity": 1},
    ]
    weighed = {"measurement": {"weight": {"value": 0.4, "unit": "kg"}}, "total_price": {"value": 9, "currency": "EUR"}}
    address = {
        "name": "Ada Visser",
        "address_line_1": "Teststraat",
        "house_number": "10",
        "postal_code": "3511 AB",
        "city": "Utrecht",
        "country_code": "NL",
    }
    made = []
    for number, status, postal_code in ((1, "unfulfilled", "3511 AB"), (2, "on_hold", "?")):
        due = {"delivery_dates": {"handover_at": (now + timedelta(hours=4)).isoformat()}}
        details = {
            "integration": {"id": shop},
            "status": {"code": status, "message": status.replace("_", " ").title()},
            "order_created_at": (now - timedelta(hours=number)).isoformat(),
            "order_items": [{**item, **weighed, **due} for item in items],
            "notes": "Gift: please wrap it.",
        }
        paid = {"total_price": {"value": 72, "currency": "EUR"}, "status": {"code": "paid", "message": "Paid"}}
        order = {"order_id": f"pack-{number}", "order_number": f"PACK-{number}", "order_details": details}
        made.append({**order, "payment_details": paid, "shipping_address": {**address, "postal_code": postal_code}})
    return made


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
            take_on_a_phone(browser, place)
            take_packing(browser, place)
            take_settings(browser, place)
            take_shipping(browser, place)
            browser.close()


if __name__ == "__main__":
    main()
