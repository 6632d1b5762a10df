"""The bytes of tables that people put in on the page, kept until they are stored or thrown away: so that a file can be
read in another way without being brought again.

They lie in pieces among the parts of the import, at numbers below zero, where no worker looks for records.
"""

import asyncio
import base64
import zlib
from typing import IO

from sqlalchemy import delete, func, insert, select

from packhouse.kit.db import Database, Reader, Transaction
from packhouse.orders.tables import import_parts

_p = import_parts.c
PIECE = 1_000_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


async def keep(db: Database, account_id: int, id: int, source: IO[bytes]) -> None:
    """A piece a transaction; afterwards the file stands at its beginning."""
    source.seek(0)
    part = -1
    while piece := await asyncio.to_thread(source.read, PIECE):
        content = await asyncio.to_thread(_pack, piece)
        row = {"account_id": account_id, "import_id": id, "part": part, "content": content}
        await db.write(lambda tx: tx.execute(insert(import_parts).values({**row, "refused": 0, "faults": "[]"})))
        part -= 1
    source.seek(0)


async def is_kept(tx: Reader, account_id: int, id: int) -> bool:
    first = select(func.length(_p.content)).where(_p.account_id == account_id, _p.import_id == id, _p.part == -1)
    return (await tx.fetch_value(first) or 0) > len("[]")


async def load(db: Database, account_id: int, id: int, target: IO[bytes], most: int | None = None) -> None:
    """Write the file, or its first `most` pieces up to the end of a line; a file in an archive is only of use whole."""
    part, has_more = -1, True
    while has_more:
        at = (_p.account_id == account_id, _p.import_id == id, _p.part == part)
        async with db.read() as tx:
            content = await tx.fetch_value(select(_p.content).where(*at))
        has_more = content is not None and content != "[]"
        if has_more:
            piece = await asyncio.to_thread(_unpack, str(content))
            if part == -1 and piece.startswith((b"PK", b"\x1f\x8b")):
                most = None
            if most is not None and -part > most:
                _cut(target)
                has_more = False
            else:
                target.write(piece)
        part -= 1
    target.seek(0)


async def forget(tx: Transaction, account_id: int, id: int | None = None) -> None:
    """The bytes of one file, or of all that the account has put in."""
    of_it = [_p.account_id == account_id, _p.part < 0, *([] if id is None else [_p.import_id == id])]
    await tx.execute(delete(import_parts).where(*of_it))


def _pack(piece: bytes) -> str:
    return base64.b64encode(zlib.compress(piece, 1)).decode()


def _unpack(content: str) -> bytes:
    return zlib.decompress(base64.b64decode(content))


def _cut(target: IO[bytes]) -> None:
    """Take off the last line, of which the rest is missing; never half a character, which would look like another
    encoding."""
    target.seek(0)
    is_wide = target.read(2) in _UTF_16
    size = target.seek(0, 2)
    target.seek(max(0, size - PIECE))
    end = target.tell() + (target.read().rfind(b"\n") + 1 or PIECE)
    target.truncate(end - end % 2 if is_wide else end)
