"""In a browser: an import that nobody is at, in both schemes and the longest words."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert

from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.orders.files import uploads
from packhouse.orders.tables import imports
from tests import apart
from tests.browser.conftest import RULES, Desk, find_violations, keep


@pytest.fixture
def stopped(database_url: str) -> None:
    """What servers leave behind that are killed: one was storing a file, another was reading one."""

    async def work() -> None:
        db, at = Database(database_url), clock.now() - timedelta(hours=1)
        row = {"account_id": 1, "created_at": at, "created_by": "user:1", "origin": "NL", "updated_at": at, "parts": 9}
        row |= {"records": 900, "done_parts": 3, "counts": '{"created": 290, "refused": 10}', "reached_line": 301}
        async with db.begin() as tx:
            for id, state in ((1, uploads.RUNNING), (2, uploads.READING)):
                await tx.execute(insert(imports).values({**row, "id": id, "file_name": f"{state}.csv", "state": state}))
        await db.close()

    apart.run(work())


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "fr-FR")])
def test_a_standstill_is_told(stopped: None, desk: Desk, scheme: str, locale: str) -> None:
    assert stopped is None
    page = desk.open("/import/1", color_scheme=scheme, locale=locale, viewport={"width": 820, "height": 700})
    expect(page.locator("#still")).to_be_visible()
    expect(page.locator("#reached")).to_contain_text("301")
    assert find_violations(page, *RULES[scheme]) == []
    keep(page, f"standstill-{scheme}")
    page.goto(f"{desk.url}/import/2")
    expect(page.locator("#still")).to_be_visible()
    assert find_violations(page, *RULES[scheme]) == []
    page.goto(f"{desk.url}/import")
    expect(page.locator("td .warn")).to_have_count(2)
    assert find_violations(page, *RULES[scheme]) == []
    keep(page, f"standstill-list-{scheme}")
