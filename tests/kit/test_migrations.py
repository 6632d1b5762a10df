import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from packhouse import migrations
from packhouse.accounts import tables as accounts
from packhouse.integrations import tables as integrations
from packhouse.kit import clock, errors, jobs
from packhouse.kit.db import SEQUENCES, Database, connection_of
from packhouse.kit.db.columns import metadata
from packhouse.kit.http import idempotency
from packhouse.orders import tables as orders
from packhouse.packing_station import tables as packing_station
from packhouse.privacy import tables as privacy
from packhouse.shipping import tables as shipping
from packhouse.shipping.queries import find_row
from packhouse.shipping.rates import tables as rates
from packhouse.shipping.service_points import tables as service_points
from packhouse.shipping.slips import tables as slips
from packhouse.webhooks import tables as webhooks
from tests.concurrency import served

T = TypeVar("T")

ROOMS = (
    jobs.jobs,
    accounts.accounts,
    accounts.access_tokens,
    accounts.api_keys,
    accounts.audit_log,
    accounts.users,
    accounts.sessions,
    accounts.sign_in_attempts,
    accounts.known_browsers,
    accounts.pending_sign_ins,
    accounts.recovery_codes,
    accounts.reset_links,
    accounts.second_factors,
    integrations.integrations,
    integrations.integration_logs,
    integrations.shop_order_statuses,
    orders.orders,
    orders.order_history,
    orders.order_terms,
    orders.order_counts,
    orders.order_count_changes,
    orders.packed_serials,
    orders.saved_views,
    orders.order_deletions,
    orders.imports,
    orders.import_parts,
    orders.imported_files,
    orders.import_mappings,
    shipping.shipping_setup,
    shipping.contract_checks,
    shipping.shipments,
    shipping.parcels,
    shipping.documents,
    shipping.parcel_events,
    service_points.service_points,
    rates.rate_tables,
    packing_station.benches,
    packing_station.packings,
    packing_station.packing_events,
    packing_station.print_jobs,
    packing_station.batches,
    packing_station.batch_orders,
    packing_station.bins,
    slips.slip_designs,
    webhooks.connections,
    webhooks.subscriptions,
    webhooks.deliveries,
    idempotency.idempotency_keys,
    privacy.retention_settings,
)


def on(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        db = Database(url)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


def look(url: str, question: Callable[[Connection], T]) -> T:
    async def ask(db: Database) -> T:
        async with db.read() as tx:
            return await connection_of(tx).run_sync(question)

    return on(url, ask)


def find_differences(connection: Connection) -> list[Any]:
    backend = connection.dialect.name
    is_here = {name: table.info.get("only", backend) == backend for name, table in metadata.tables.items()}

    def include(_object: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
        return kind != "table" or reflected or is_here[str(name)]

    options = {"compare_type": True, "compare_server_default": True, "include_object": include}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def test_the_migrations_make_the_tables_of_the_rooms(empty_url: str) -> None:
    assert {table.name for table in ROOMS} | {"sequences", "rate_counters"} == set(metadata.tables)
    on(empty_url, migrations.upgrade)
    assert look(empty_url, find_differences) == []


def test_a_difference_would_be_seen(database_url: str) -> None:
    async def change(db: Database) -> None:
        async with db.begin() as tx:
            await tx.execute(text("ALTER TABLE orders ADD COLUMN colour TEXT"))
            await tx.execute(text("DROP INDEX ix_orders_status"))
            await tx.execute(text("DROP TABLE order_history"))

    on(database_url, change)
    found = {(kind, subject.name) for kind, *_, subject in filter(is_plain, look(database_url, find_differences))}
    assert found == {("add_table", "order_history"), ("add_index", "ix_orders_status"), ("remove_column", "colour")}


def is_plain(difference: Any) -> bool:
    """A difference of a table, a column or an index; those of a column's type come as lists."""
    return isinstance(difference, tuple)


def test_the_primary_keys_are_those_of_the_tables(database_url: str) -> None:
    # What `compare_metadata` does not look at.
    for table in ROOMS:
        key = look(database_url, lambda connection, name=table.name: inspect(connection).get_pk_constraint(name))  # type: ignore[misc]
        assert key["constrained_columns"] == [column.name for column in table.primary_key]
        assert key["name"] == table.primary_key.name


def test_ids_come_from_sequences_where_there_are_some(database_url: str, backend: str) -> None:
    tables = look(database_url, lambda connection: inspect(connection).get_table_names())
    if backend == "sqlite":
        assert "sequences" in tables
        return
    assert "sequences" not in tables
    sequences = look(database_url, lambda connection: inspect(connection).get_sequence_names())
    assert sorted(sequences) == sorted(f"{name}_id" for name in SEQUENCES)


def test_texts_that_are_sorted_by_sort_by_code_point(database_url: str) -> None:
    async def sort(db: Database) -> list[str]:
        async with db.begin() as tx:
            row = {"at": "2026-03-14T08:26:53.000000+00:00", "account": 1}
            for id, number in enumerate(("b", "a", "B", "é", "Z", "10", "9", "😀", "\ufffd"), start=1):
                await tx.upsert(orders.orders, [to_row(id, number, row)])
            found = await tx.execute(text("SELECT order_number FROM orders ORDER BY order_number"))
            return list(found.scalars())

    assert on(database_url, sort) == ["10", "9", "B", "Z", "a", "b", "é", "\ufffd", "😀"]


def to_row(id: int, number: str, row: dict[str, Any]) -> dict[str, Any]:
    document = {
        "order_id": str(id),
        "order_number": number,
        "order_details": {"integration": {"id": 1}, "status": {"code": "new"}, "order_created_at": row["at"]},
    }
    at = clock.from_wire(row["at"])
    columns = {"account_id": 1, "id": id, "version": 1, "created_at": at, "created_by": "test:1", "modified_at": at}
    return orders.to_row(document, **columns)


def test_migrating_twice_is_harmless(empty_url: str) -> None:
    assert on(empty_url, migrations.upgrade) is None
    before = look(empty_url, lambda connection: sorted(inspect(connection).get_table_names()))
    assert on(empty_url, migrations.upgrade) == migrations.HEAD
    assert look(empty_url, lambda connection: sorted(inspect(connection).get_table_names())) == before
    assert look(empty_url, find_differences) == []


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_documents_are_compressed_by_lz4_where_postgresql_has_it(empty_url: str) -> None:
    """A server that has it not is made to say that it has: then it refuses what it is asked for."""
    known = "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    used = "SELECT attcompression FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'document'"
    if not look(empty_url, lambda connection: connection.execute(text(known)).scalar()):
        on(empty_url, _claim_lz4)
        with pytest.raises(DBAPIError, match="lz4"):
            on(empty_url, migrations.upgrade)
    else:
        on(empty_url, migrations.upgrade)
        assert look(empty_url, lambda connection: connection.execute(text(used)).scalar()) == b"l"


async def _claim_lz4(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(
            text("CREATE VIEW pg_settings AS SELECT name, '{pglz,lz4}'::text[] AS enumvals FROM pg_catalog.pg_settings")
        )
        name = await tx.fetch_value(select(func.current_database()))
        await tx.execute(text(f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog'))


def test_migrating_keeps_what_is_stored(database_url: str) -> None:
    def names(connection: Connection) -> list[str]:
        return list(connection.execute(text("SELECT name FROM accounts ORDER BY account_id")).scalars())

    assert look(database_url, names) == ["owner", "stranger"]
    on(database_url, migrations.upgrade)
    assert look(database_url, names) == ["owner", "stranger"]


def test_two_who_migrate_at_once_make_one_schema(empty_url: str) -> None:
    commands = [served.start(empty_url, "migrate", "--json") for _ in range(4)]
    outcomes = [(command.wait(60), served.read_errors(command)) for command in commands]
    # One works, the others wait their turn and find nothing left to do.
    assert outcomes == [(0, "")] * 4
    assert on(empty_url, migrations.find_revision) == migrations.HEAD
    assert look(empty_url, find_differences) == []


def test_the_revision_is_found(empty_url: str) -> None:
    assert on(empty_url, migrations.find_revision) is None
    on(empty_url, migrations.upgrade)
    assert on(empty_url, migrations.find_revision) == migrations.HEAD


def test_the_revisions_form_one_line() -> None:
    revisions = list(script().walk_revisions())
    assert script().get_heads() == [migrations.HEAD]
    assert revisions[0].revision == migrations.HEAD
    for newer, older in itertools.pairwise(revisions):
        assert newer.down_revision == older.revision
    assert revisions[-1].down_revision is None
    assert not any(revision.branch_labels or revision.dependencies for revision in revisions)
    assert [r.revision for r in reversed(revisions)] == [f"{n:04}" for n in range(1, len(revisions) + 1)]


def test_each_revision_is_a_file_named_after_it() -> None:
    folder = Path(str(migrations.__file__)).parent / "versions"
    files = {path.name[:4] for path in folder.glob("[0-9]*.py")}
    assert files == {revision.revision for revision in script().walk_revisions()}


def test_shipments_of_before_are_counted_by_carrier(empty_url: str) -> None:
    """The tables as they were then, filled as they were filled then, and brought forward."""

    def fill(connection: Connection) -> None:
        then = MetaData()
        shipments, parcels = (Table(name, then, autoload_with=connection) for name in ("shipments", "parcels"))
        at = "2026-03-14T08:26:53.000000+00:00"
        moment = at if connection.dialect.name == "sqlite" else clock.from_wire(at)
        row = {"account_id": 1, "for_order": 1, "integration_id": 1, "order_number": "N", "order_number_folded": "n"}
        row |= {"state": "ready", "created_at": moment, "created_by": "test:1", "updated_at": moment, "errors": "[]"}
        parcel = {"account_id": 1, "status_code": "1", "status_message": "", "document": "{}"}
        parcel |= {"created_at": moment, "updated_at": moment}
        documents = {1: '{"carrier": {"code": "a", "name": "Ä \\u00e9"}}', 2: '{"carrier": {"code": "b"}}'}
        for id, document in documents.items():
            connection.execute(shipments.insert(), {**row, "id": id, "uuid": str(id), "document": document})
        for id, shipment in enumerate((1, 1, 1, 2)):
            connection.execute(parcels.insert(), {**parcel, "id": id, "shipment_id": shipment})

    async def go(db: Database) -> None:
        await migrations.upgrade(db, "0016")
        async with db.begin() as tx:
            await connection_of(tx).run_sync(fill)
        await migrations.upgrade(db)

    on(empty_url, go)
    counted = text("SELECT id, carrier, parcel_count FROM shipments WHERE account_id = 1 ORDER BY id")
    found = look(empty_url, lambda connection: [tuple(row) for row in connection.execute(counted)])
    assert found == [(1, "Ä é", 3), (2, "", 1)]
    assert look(empty_url, find_differences) == []


def test_who_is_signed_in_stays_so_and_gave_the_password_then(empty_url: str) -> None:
    def fill(connection: Connection) -> None:
        then = MetaData()
        at = "2026-03-14T08:26:53.000000+00:00"
        moment = at if connection.dialect.name == "sqlite" else clock.from_wire(at)
        account = {"account_id": 1, "name": "one", "country_code": "NL", "created_at": moment}
        session = {"account_id": 1, "token_hash": "x", "user_id": 1, "created_at": moment, "expires_at": moment}
        attempt = {"account_id": 0, "key": "address:192.0.2.1", "attempts": 3, "since": moment}
        for name, row in (("accounts", account), ("sessions", session), ("sign_in_attempts", attempt)):
            connection.execute(Table(name, then, autoload_with=connection).insert(), row)

    async def go(db: Database) -> None:
        await migrations.upgrade(db, "0022")
        async with db.begin() as tx:
            await connection_of(tx).run_sync(fill)
        await migrations.upgrade(db)

    on(empty_url, go)
    same = text("SELECT confirmed_at = created_at FROM sessions WHERE account_id = 1")
    assert look(empty_url, lambda connection: [bool(each) for each in connection.execute(same).scalars()]) == [True]
    group = text("SELECT two_factors_for FROM accounts")
    assert look(empty_url, lambda connection: list(connection.execute(group).scalars())) == ["nobody"]
    kept = text("SELECT attempts, next_at FROM sign_in_attempts")
    assert look(empty_url, lambda connection: [tuple(row) for row in connection.execute(kept)]) == [(3, None)]


def test_a_request_that_a_carrier_has_not_answered_is_still_known(empty_url: str) -> None:
    at = "2026-03-14T08:26:53.000000+00:00"

    def fill(connection: Connection) -> None:
        shipments = Table("shipments", MetaData(), autoload_with=connection)
        moment = at if connection.dialect.name == "sqlite" else clock.from_wire(at)
        row = {"account_id": 1, "for_order": 1, "integration_id": 1, "order_number": "N", "order_number_folded": "n"}
        row |= {"state": "announcing", "created_at": moment, "created_by": "test:1", "updated_at": moment}
        row |= {"errors": "[]", "document": "{}"}
        connection.execute(shipments.insert(), {**row, "id": 1, "uuid": "1", "asked_at": moment})
        connection.execute(shipments.insert(), {**row, "id": 2, "uuid": "2"})

    async def go(db: Database) -> list[datetime | None]:
        await migrations.upgrade(db, "0039")
        async with db.begin() as tx:
            await connection_of(tx).run_sync(fill)
        await migrations.upgrade(db)
        async with db.read() as tx:
            return [row.requested_at for id in (1, 2) if (row := await find_row(tx, 1, id)) is not None]

    assert on(empty_url, go) == [clock.from_wire(at), None]
    assert look(empty_url, find_differences) == []


@pytest.mark.parametrize("backend", ["postgresql"])
def test_of_several_who_make_the_first_table_at_once_the_others_try_again(empty_url: str) -> None:
    """PostgreSQL looks for the table once, and then for its type and its place in the catalogue: whatever is there by
    then, the others have come second and nothing is wrong."""

    async def make(db: Database) -> None:
        with suppress(errors.LockTimeout):
            await migrations._ensure_version_table(db)

    async def work() -> None:
        several = [Database(empty_url) for _ in range(6)]
        for db in several:
            await db.open()
        for _ in range(25):
            await asyncio.gather(*map(make, several))
            async with several[0].begin() as tx:
                await tx.execute(text("DROP TABLE alembic_version"))
        for db in several:
            await db.close()

    asyncio.run(work())
