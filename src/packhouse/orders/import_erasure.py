"""Files that people put in on the page, made to tell of nobody: a record of an erased person is not stored any more."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, update

from packhouse.kit import scan
from packhouse.kit.db import Database, Transaction
from packhouse.kit.messages import change, from_column, message, to_column
from packhouse.kit.redaction import ERASED, Words
from packhouse.orders import operations
from packhouse.orders.files import originals, uploads
from packhouse.orders.persons import Facts, Person
from packhouse.orders.tables import import_parts, imports

_i, _p = imports.c, import_parts.c
_FLAW = [[], message("This person's data was erased."), "value"]

Key = tuple[int | None, str | None]
# Whether a record or its faults are a person's: of its text, and of the order in it where there is one.
Tells = Callable[[str, Mapping[str, Any]], bool]


class _Part(NamedTuple):
    import_id: int
    part: int
    content: str
    faults: str


async def erase_records(
    db: Database, account_id: int, person: Person, words: Words, keys: Collection[Key], origin: str
) -> int:
    """How many records of kept files told of the person, or were of the orders with these keys. A record of somebody
    else who shares an address or a company is still wanted, so only what names the person alone counts."""
    own = person.to_own_words(origin)

    def tells(text: str, order: Mapping[str, Any]) -> bool:
        facts = Facts()
        facts.add_document(order)
        return person.is_told_by(facts, origin) or operations.to_key(order) in keys or own.are_in(text)

    await _erase_names(db, account_id, words)
    await _erase_originals(db, account_id)
    count = 0
    async for rows in scan.walk(db, account_id, [_p.import_id, _p.part], [_p.content, _p.faults], into=_Part, size=10):
        for row in (row for row in rows if row.part >= 0):
            count += await _erase_part(db, account_id, row, tells, words)
    return count


async def _erase_originals(db: Database, account_id: int) -> None:
    """Whom the bytes of a table tell of is not looked for: none of them are kept, and a file of which no record was
    made yet has to be put in again."""

    async def work(tx: Transaction) -> None:
        await originals.forget(tx, account_id)
        waiting = (_i.account_id == account_id, _i.state == uploads.UNMAPPED)
        await tx.execute(update(imports).where(*waiting).values(state=uploads.STOPPED))

    await db.write(work)


async def _erase_names(db: Database, account_id: int, words: Words) -> None:
    """Erase a person from names of files, and from what is said of where one broke."""
    async for rows in scan.walk(db, account_id, [_i.id], [_i.file_name, _i.broken_detail]):
        for row in rows:
            name, detail = words.take_from(row.file_name), row.broken_detail
            if detail is not None:
                detail = to_column(change(from_column(detail), words.take_from)) or None
            if (name, detail) != (row.file_name, row.broken_detail):
                changed = update(imports).where(_i.account_id == account_id, _i.id == row.id)
                await db.write(lambda tx: tx.execute(changed.values(file_name=name, broken_detail=detail)))


async def _erase_part(db: Database, account_id: int, row: _Part, tells: Tells, words: Words) -> int:
    """A part is written in one piece by whoever reads the file and emptied once it is stored, so it is read again."""
    if not _find_told(orjson.loads(row.content), tells) and not words.are_in(row.faults):
        return 0
    of_it = (_p.account_id == account_id, _p.import_id == row.import_id, _p.part == row.part)

    async def erase(tx: Transaction) -> int:
        now = await tx.fetch_one(select(_p.content, _p.faults).where(*of_it).with_for_update())
        if now is None:
            return 0
        content, refused = orjson.loads(now.content), orjson.loads(now.faults)
        told = _find_told(content, tells)
        lines = {content[index]["line"] for index in told}
        for index in told:
            content[index] |= {"body": _to_body(content[index]["body"]), "flaws": [_FLAW]}
            _drop_rows(content[index])
        for record in refused:
            if record["line"] in lines or words.are_in(orjson.dumps(record).decode()):
                record["faults"] = [{**fault, "detail": ERASED} for fault in record["faults"]]
                _drop_rows(record)
        changes = {"content": orjson.dumps(content).decode(), "faults": orjson.dumps(refused).decode()}
        await tx.execute(update(import_parts).where(*of_it).values(changes))
        return len(told)

    return await db.write(erase)


def _drop_rows(record: dict[str, Any]) -> None:
    """What its lines of the file were, kept to be given back where the record is refused."""
    for name in ("rows", "item_rows"):
        record.pop(name, None)


def _find_told(content: list[dict[str, Any]], tells: Tells) -> list[int]:
    return [
        index
        for index, record in enumerate(content)
        if _FLAW not in record["flaws"]
        and tells(f"{record['body']} {orjson.dumps(record['flaws']).decode()}", _read_order(record["body"]))
    ]


def _read_order(body: str) -> dict[str, Any]:
    try:
        order = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return order if isinstance(order, dict) else {}


def _to_body(body: str) -> str:
    """What the record is still called by."""
    order_id = _read_order(body).get("order_id")
    return orjson.dumps({"order_id": order_id} if isinstance(order_id, str) else {}).decode()


async def erase_old_records(db: Database, account_id: int, before: datetime) -> None:
    """Erase, of all files put in until then, what is not stored by now, which nobody will any more, and what was
    refused."""
    is_old = (_i.account_id == account_id, _i.created_at < before)
    of_them = (_p.account_id == account_id, _p.import_id.in_(select(_i.id).where(*is_old)))
    kept = (_p.content != "[]") | (_p.faults != "[]")

    async def work(tx: Transaction) -> None:
        going_on = _i.state.not_in((uploads.DONE, uploads.STOPPED))
        await tx.execute(update(imports).where(*is_old, going_on).values(state=uploads.STOPPED))
        await tx.execute(update(imports).where(*is_old).values(file_name=ERASED, broken_detail=None))
        await tx.execute(update(import_parts).where(*of_them, kept).values(content="[]", faults="[]", refused=0))

    await db.write(work)
