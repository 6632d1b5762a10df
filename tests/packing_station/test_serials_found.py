"""The page's search finds an order by the serial numbers in it, as everything else that people ask for."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from packhouse.kit import clock, jobs
from packhouse.kit.db import Database, Transaction
from packhouse.orders import search, serials
from tests.cli.conftest import Run, run
from tests.packing_station.conftest import EAN, Station, goods, list_labels, order, push
from tests.packing_station.test_serials import coded, listed

__all__ = ["run"]

Bench = Callable[..., Station]
Find = Callable[[str], list[str]]


@pytest.fixture
def find(person: Callable[..., TestClient]) -> Find:
    browser = person("viewer")

    def ask(typed: str) -> list[str]:
        shown = browser.get(f"/orders?q={quote(typed)}").text
        return sorted(re.findall(r'class="c-number"><a[^>]*>([^<]*)</a>', shown))

    return ask


def test_an_order_is_found_by_what_was_scanned_into_it(
    bench: Bench, client: TestClient, do_jobs: Any, find: Find
) -> None:
    push(client, order(1, goods(teapot=2)), order(2, goods(teapot=1)), order(3, goods(cup=1)))
    do_jobs()
    station = bench()
    station.scan("N-o-1")
    station.scan(coded("SN-4711"))
    assert find("SN-4711") == []
    do_jobs()
    for typed in (
        "SN-4711",
        "sn-4711",
        " SN-47",
        f"(01)0{EAN}(21)SN-4711",
        f"https://id.example.com/01/{EAN}/21/SN-4711",
    ):
        assert find(typed) == ["N-o-1"], typed
    assert find("SN-4712") == []
    assert find(f"(01)0{EAN}") == ["N-o-1", "N-o-2"]  # the article alone
    station.scan("PHUNDO")
    do_jobs()
    assert find("SN-4711") == []


def test_a_piece_that_went_into_another_order_is_found_there(
    bench: Bench, client: TestClient, do_jobs: Any, find: Find
) -> None:
    push(client, order(1, goods(teapot=1)), order(2, goods(teapot=1)))
    station = bench()
    station.scan("N-o-1")
    assert station.scan(coded("SN-1")).tone == "done"
    [label] = list_labels(client)
    assert client.post(f"/api/v3/shipments/{label['id']}/cancel").status_code in (200, 202)
    do_jobs()
    assert find("SN-1") == ["N-o-1"]
    station.scan("N-o-2")
    assert station.scan(coded("SN-1")).tone == "done"
    do_jobs()
    assert find("SN-1") == ["N-o-2"]


def test_serials_that_an_order_lists_are_found(client: TestClient, do_jobs: Any, find: Find) -> None:
    push(client, order(1, listed("LX-1", "LX-2", teapot=2)))
    do_jobs()
    assert (find("LX-2"), find("lx-3")) == (["N-o-1"], [])


def test_what_was_scanned_before_is_found_after_reindexing(
    bench: Bench, client: TestClient, do_jobs: Any, find: Find, run: Run, database_url: str
) -> None:
    push(client, order(1, goods(teapot=2)))
    station = bench()
    station.scan("N-o-1")
    station.scan(coded("SN-9"))
    do_jobs()

    async def lose() -> None:
        db = Database(database_url)
        async with db.begin() as tx:
            await tx.execute(text("DELETE FROM order_terms"))
        await db.close()

    asyncio.run(lose())
    assert find("SN-9") == []
    assert run("orders reindex --account owner").exit_code == 0
    assert find("SN-9") == ["N-o-1"]


def test_who_erases_a_person_finds_the_piece_still(
    bench: Bench, client: TestClient, do_jobs: Any, find: Find, run: Run
) -> None:
    push(client, order(1, goods(teapot=2)))
    station = bench()
    station.scan("N-o-1")
    station.scan(coded("SN-9"))
    do_jobs()
    assert find("Visser") == ["N-o-1"]
    erased = run(["person", "erase", "--account", "owner", "--name", "Ada Visser", "--postal-code", "1015 CR", "--yes"])
    assert erased.exit_code == 0, erased.output
    assert find("Visser") == []
    do_jobs()
    assert find("SN-9") == ["N-o-1"]


def test_a_piece_that_is_taken_out_while_its_order_is_indexed_is_found_no_longer(
    client: TestClient, database_url: str, find: Find
) -> None:
    """One worker has read the serial numbers and is about to commit when another does the job that came after."""
    push(client, order(1, goods(teapot=2)))

    async def put_in(tx: Transaction) -> None:
        for serial in ("SN-1", "SN-2"):
            piece = serials.Piece("teapot", serial)
            await serials.insert_piece(tx, 1, piece, serials.Holder(1, "N-o-1"), now=clock.now())

    async def take_out(tx: Transaction) -> None:
        await serials.delete_pieces(tx, 1, 1, "SN-2")
        await search.enqueue(tx, 1, [1], "NL", clock.now())

    async def index(db: Database) -> None:
        kinds = [search.JOB]
        due = await jobs.claim(db, 1, 10, now=clock.now(), lease=timedelta(minutes=1), kinds=kinds)
        async for _ in search.handle(db, due):
            pass

    async def go() -> None:
        db, first = Database(database_url), Meddled(database_url)
        await db.write(put_in)
        await index(db)
        await db.write(lambda tx: search.enqueue(tx, 1, [1], "NL", clock.now()))
        first.beside = index(db)
        if db.is_sqlite:  # where nobody else writes before the first one's commit
            first.beside.close()
            await index(first)
            await db.write(take_out)
            await index(db)
        else:
            first.before = lambda: db.write(take_out)
            await index(first)
            assert first.second is not None
            await first.second
        await first.close()
        await db.close()

    asyncio.run(go())
    assert (find("SN-1"), find("SN-2")) == (["N-o-1"], [])


class Meddled(Database):
    """Before its next transaction is committed, something is written and something else begun beside it."""

    before: Callable[[], Any] | None = None
    beside: Any = None
    second: asyncio.Task[None] | None = None

    async def write(self, work: Any) -> Any:
        async def and_meanwhile(tx: Transaction) -> Any:
            done = await work(tx)
            is_of_terms = done == set()
            if self.before is not None and is_of_terms:
                before, self.before = self.before, None
                await before()
                self.second = asyncio.create_task(self.beside)
                await asyncio.wait([self.second], timeout=0.3)
            return done

        return await super().write(and_meanwhile)
