"""The pictures of the page in the documentation: `make screenshots`."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any, Literal

import orjson
from playwright.sync_api import sync_playwright

from packhouse import migrations
from packhouse.accounts import operations as accounts
from packhouse.accounts import users
from packhouse.accounts.schema import Caller
from packhouse.integrations import operations as integrations
from packhouse.kit import clock, security
from packhouse.kit.db import Database
from packhouse.orders import demo, operations, schema
from tests.browser.conftest import FLAGS, serving

DOCS = Path(__file__).parent.parent.parent / "docs"
PICTURES: tuple[tuple[Literal["light", "dark"], str], ...] = (("light", ""), ("dark", "-dark"))
EMAIL, PASSWORD = "ada@example.com", "correct-horse-battery"


async def fill(url: str) -> None:
    db, now = Database(url), clock.now()
    await migrations.upgrade(db)
    async with db.write() as tx:
        account = await accounts.create_account(db, tx, "demo", "NL", now=now)
        shops = [await integrations.create_integration(db, tx, account, n, now=now) for n in ("Teashop", "Blumen B2B")]
        await users.create_user(db, tx, account, EMAIL, security.hash_password(PASSWORD), "owner", now=now)
        made: list[Any] = list(demo.make_orders(90, seed=0, integration_ids=shops, now=now))
        for order in Random(1).sample(made, 12):
            order["shipping_address"]["postal_code"] = "?"
        batch = schema.read_batch(orjson.dumps(made)).value
        await operations.upsert_orders(db, tx, Caller(account, "NL", "command:demo"), batch, now=now)
    await db.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/screenshots.db"
        asyncio.run(fill(url))
        with serving(url) as place, sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            for scheme, suffix in PICTURES:
                page = browser.new_page(
                    viewport={"width": 1360, "height": 720},
                    color_scheme=scheme,
                    locale="en-GB",
                )
                page.goto(f"{place}/sign-in")
                page.fill("[name=email]", EMAIL)
                page.fill("[name=password]", PASSWORD)
                page.click("button")
                page.wait_for_url("**/orders**")
                page.screenshot(path=DOCS / f"page-orders{suffix}.png")
                page.click("tbody .c-number a")
                page.wait_for_selector("#order-title")
                page.screenshot(path=DOCS / f"page-order{suffix}.png")
            browser.close()


if __name__ == "__main__":
    main()
