"""What goes past SQLAlchemy: it is one transaction all the same, and sees what it should."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from sqlalchemy import BigInteger, bindparam, func, literal, make_url, select, text

from packhouse.kit import errors
from packhouse.kit.db import Database
from packhouse.orders.tables import order_terms, orders
from tests.concurrency.served import wait_until

NOW = datetime(2026, 3, 14, tzinfo=UTC)

T = TypeVar("T")

PLACED = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
_t = order_terms.c
_account = _t.account_id == bindparam("account_id")
COUNT = select(func.count()).where(_account)
FIND_TERM = select(_t.term).where(_account, _t.term == bindparam("term"))
WHEN = select(func.statement_timestamp()).where(literal(0) <= bindparam("account_id", type_=BigInteger))
DIVIDE = select(literal(1) / bindparam("account_id", type_=BigInteger))


def on(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        db = Database(url)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


def to_rows(*terms: str) -> list[dict[str, Any]]:
    return [{"account_id": 1, "term": term, "placed_at": PLACED, "id": 1} for term in terms]


async def count(db: Database) -> int:
    row = await db.fetch_one(COUNT, account_id=1)
    return 0 if row is None else int(row[0])


def test_what_is_undone_is_undone_whole_and_comes_back_with_nobody(database_url: str) -> None:
    async def work(db: Database) -> None:
        async def begin() -> None:
            async with db.begin() as tx:
                await tx.next_ids("orders", 1)
                await tx.upsert(order_terms, to_rows("a", "b"))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await begin()
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows("c"))
        assert await count(db) == 1

    on(database_url, work)


def test_a_statement_sees_what_was_upserted_before_it(database_url: str) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows("a", "b"))
            await tx.upsert(order_terms, to_rows("b", "c"))
            assert [tuple(row) for row in await tx.run(COUNT, account_id=1)] == [(3,)]
            assert await tx.fetch_value(COUNT, {"account_id": 1}) == 3
        assert await count(db) == 3

    on(database_url, work)


def test_a_row_that_cannot_be_written_takes_the_others_with_it(database_url: str) -> None:
    async def work(db: Database) -> None:
        async def write() -> None:
            async with db.begin() as tx:
                await tx.upsert(order_terms, to_rows("a"))
                await tx.upsert(orders, [dict.fromkeys(column.name for column in orders.columns)])

        with pytest.raises(Exception, match=r"(?i)not.null"):
            await write()
        assert await count(db) == 0

    on(database_url, work)


def test_a_read_sees_what_another_process_wrote_before_its_turn(database_url: str) -> None:
    async def work(db: Database) -> None:
        other = Database(database_url)
        try:
            for n in range(3):
                assert await count(db) == n
                async with other.begin() as tx:
                    await tx.upsert(order_terms, to_rows(f"term {n}"))
        finally:
            await other.close()
        assert await count(db) == 3

    on(database_url, work)


def test_ids_of_several_sequences_are_drawn_at_once_and_given_once(database_url: str) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            before = await tx.draw_ids({"jobs": 2, "parcels": 3})
        async with db.begin() as tx:
            await tx.execute(COUNT, {"account_id": 1})  # another statement begins the transaction
            await tx.run(COUNT, account_id=1)
            after = await tx.draw_ids({"parcels": 1, "jobs": 1})
        assert ({name: len(ids) for name, ids in before.items()}, sorted(before["parcels"])) == (
            {"jobs": 2, "parcels": 3},
            before["parcels"],
        )
        assert not set(before["jobs"]) & set(after["jobs"])
        assert not set(before["parcels"]) & set(after["parcels"])

    on(database_url, work)


def test_connections_of_single_reads_are_counted_and_allowed_for(database_url: str) -> None:
    async def work(db: Database) -> None:
        assert await count(db) == 0
        for _ in range(1_000):  # it is given back after its row
            if db.count_connections()[0]:
                await asyncio.sleep(0.01)
        assert db.count_connections() == (0, 9 if db.is_sqlite else 16)

    on(database_url, work)


@pytest.mark.parametrize("number", [1, 4, 5, 19, 100, 101, 237])
def test_rows_of_any_number_are_all_written(database_url: str, number: int) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows(*(f"term {n}" for n in range(number))))
        assert await count(db) == number

    on(database_url, work)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_what_is_committed_is_moved_into_the_file_beside_the_writing(database_url: str) -> None:
    """Long before SQLite would do it by itself, and so that the log begins anew instead of growing."""
    file = make_url(database_url).database or ""
    page = 4096

    async def write(db: Database, number: int) -> None:
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows(*(f"{number} {n} {'x' * 60}" for n in range(500))))

    async def work(db: Database) -> None:
        before = size_of(file)
        await write(db, 0)
        await asyncio.to_thread(wait_until, lambda: size_of(file) > before)
        assert size_of(f"{file}-wal") < 400 * page
        for number in range(1, 300):
            await write(db, number)
        assert await count(db) == 300 * 500
        assert size_of(f"{file}-wal") < 2 * 4_000 * page

    on(database_url, work)


def size_of(file: str) -> int:
    return Path(file).stat().st_size


@pytest.mark.parametrize("backend", ["postgresql"])
def test_plans_of_an_empty_table_are_not_kept(database_url: str) -> None:
    """A look-up that the first rows were found by walking through all of them, and later ones by the key's index."""
    keys = (order_terms.c.term, order_terms.c.placed_at, order_terms.c.id)

    async def work(db: Database) -> None:
        async with db.begin() as tx:
            for _ in range(10):
                await tx.find_by_key(1, keys, keys, [["term 1", NOW, 1]], lock=False)
            await tx.upsert(order_terms, to_rows(*(f"term {n}" for n in range(5_000))))
            await tx.find_by_key(1, keys, keys, [["term 1", NOW, 1]], lock=False)
            kept = text(
                "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE :s"
            )
            generic, custom = (await tx.execute(kept, {"s": "%unnest%order_terms%"})).one()
            assert (generic, custom > 0) == (0, True)

    on(database_url, work)


def hang_up(url: str) -> None:
    """In a thread that the loop waits for without turning, so that the server's last words are there but unread."""

    async def work() -> None:
        rival = await asyncpg.connect(url)
        ours = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'packhouse'"
        while await rival.fetchval(f"SELECT count(pg_terminate_backend(pid)), pg_sleep(0.01) {ours}"):
            pass
        await rival.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work()).result()


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("steps", range(8))
def test_a_server_that_hangs_up_is_away_whenever_it_is_noticed(database_url: str, steps: int) -> None:
    """At so many turns of the loop after it hung up, for a single read and in the middle of a transaction."""

    async def turn() -> None:
        for _ in range(steps):
            await asyncio.sleep(0)

    async def work(db: Database) -> None:
        async def write() -> None:
            async with db.begin() as tx:
                await tx.run(COUNT, account_id=1)
                hang_up(database_url)
                await turn()
                await tx.run(COUNT, account_id=1)

        assert await count(db) == 0
        hang_up(database_url)
        await turn()
        with suppress(errors.Unavailable):
            await count(db)
        assert await count(db) == 0
        with pytest.raises(errors.Unavailable):
            await write()
        async with db.begin() as tx:
            assert [tuple(row) for row in await tx.run(COUNT, account_id=1)] == [(0,)]

    on(database_url, work)


def test_look_ups_that_are_asked_together_each_get_their_own_row(database_url: str) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows("a", "b", "c"))
        asked = ["c", "nobody's", "a", "a", "b", "", "Zoë"]
        for _ in range(3):
            found = await asyncio.gather(*[db.fetch_one(FIND_TERM, account_id=1, term=term) for term in asked])
            assert [row and row[0] for row in found] == ["c", None, "a", "a", "b", None, None]
        one, another = await asyncio.gather(
            db.fetch_one(FIND_TERM, account_id=1, term="a"), db.fetch_one(COUNT, account_id=1)
        )
        assert (one or [""])[0] == "a"
        assert (another or [0])[0] == 3

    on(database_url, work)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_look_ups_of_one_turn_are_one_statement(database_url: str) -> None:
    async def work(db: Database) -> None:
        async def ask(n: int) -> Any:
            row = await db.fetch_one(WHEN, account_id=n)
            return None if row is None else row[0]

        times = await asyncio.gather(*[ask(n) for n in range(250)])
        assert len(set(times)) == 3  # at most 100 go together
        assert await ask(1) not in times

    on(database_url, work)


def test_a_caller_that_left_disturbs_no_other(database_url: str) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows("a"))
        leaving, staying = (asyncio.create_task(db.fetch_one(FIND_TERM, account_id=1, term="a")) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying or ("",))[0] == "a"

    on(database_url, work)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_what_a_look_up_fails_with_reaches_all_who_asked_and_nobody_after_them(database_url: str) -> None:
    async def work(db: Database) -> None:
        asked = [db.fetch_one(DIVIDE, account_id=n) for n in (1, 0, 2)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(error) for error in found} == {asyncpg.DivisionByZeroError}
        assert (await db.fetch_one(DIVIDE, account_id=1) or [0])[0] == 1

    on(database_url, work)


REFUSING = """
CREATE FUNCTION public.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'not on this server' USING ERRCODE = 'feature_not_supported'; END $$
"""


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_server_that_cannot_look_up_together_is_asked_one_by_one(database_url: str) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows("a", "b"))
            await tx.execute(text(REFUSING))
        for _ in range(2):
            found = await asyncio.gather(*[db.fetch_one(COUNT, account_id=n) for n in (2, 1)])
            assert [row and row[0] for row in found] == [0, 2]

    on(f"{database_url}{'&' if '?' in database_url else '?'}search_path=public,pg_catalog", work)


def test_look_ups_that_come_at_any_moment_are_all_answered(database_url: str) -> None:
    """Also one that comes while the connection of those before it is given back."""

    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.upsert(order_terms, to_rows("a", "b"))

        async def ask(turns: int) -> int:
            found = 0
            for n in range(200):
                row = await db.fetch_one(FIND_TERM, account_id=1, term="ab"[n % 2])
                found += row is not None and row[0] == "ab"[n % 2]
                for _ in range((n * turns) % 7):
                    await asyncio.sleep(0)
            return found

        async with asyncio.timeout(60):
            assert await asyncio.gather(*[ask(turns) for turns in range(8)]) == [200] * 8

    on(database_url, work)
