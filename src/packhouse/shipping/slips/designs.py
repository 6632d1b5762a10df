"""The design of an account's packing slips: texts by language, a logo, and the defaults."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple

import orjson
from sqlalchemy import Delete, delete, insert, select

from packhouse.accounts import audit
from packhouse.accounts.schema import Caller
from packhouse.context import Context
from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import message
from packhouse.printing import printers
from packhouse.shipping.slips import words
from packhouse.shipping.slips.schema import PLAIN, Design, Logo
from packhouse.shipping.slips.tables import DesignRow, slip_designs
from packhouse.shipping.storage import Store

ALL_SHOPS = 0
MAX_TEXT = 1_000
_d = slip_designs.c


async def list_designs(tx: Reader, account_id: int) -> dict[int, Design]:
    """Return the designs by the id of the shop, 0 for all."""
    rows = await tx.fetch_all(select(slip_designs).where(_d.account_id == account_id), into=DesignRow)
    return {row.integration_id: _to_design(row) for row in rows}


def _to_design(row: DesignRow) -> Design:
    kept = orjson.loads(row.document)
    return Design(kept["texts"], kept["otherwise"], row.logo_digest, row.logo)


async def load_designs(ctx: Context, account_id: int, shops: Collection[int]) -> dict[int, Design]:
    """Return the designs of these shops with their logos. A slip whose logo cannot be loaded now is printed without
    it."""
    async with ctx.db.read() as tx:
        found = await list_designs(tx, account_id)
    made = {}
    for shop in shops:
        of_shop = found.get(shop, found.get(ALL_SHOPS, PLAIN))
        at = shop if shop in found else ALL_SHOPS
        made[shop] = await _with_logo(ctx, account_id, at, of_shop)
    return made


async def _with_logo(ctx: Context, account_id: int, shop: int, design: Design) -> Design:
    if design.digest is None or design.logo is not None or ctx.store is None:
        return design
    try:
        content = await ctx.store.get(_to_key(account_id, shop, design.digest))
    except errors.Unavailable:
        return design
    return Design(design.texts, design.otherwise, design.digest, content)


def _to_key(account_id: int, shop: int, digest: str) -> str:
    return f"{account_id}/slips/{shop}-{digest}"


class Wanted(NamedTuple):
    """A change of a shop's slips; without a `logo` the one that there is stays, unless it is `dropped`."""

    texts: Mapping[str, str]
    otherwise: str
    logo: bytes | None = None
    drops_logo: bool = False


async def store_design(ctx: Context, caller: Caller, shop: int, name: str, wanted: Wanted) -> None:
    """Raises Invalid, and Unavailable if the store of documents cannot be reached. The logo is stored before its
    row."""
    _check(wanted)
    logo: Logo | None = await printers.run("logo", wanted.logo) if wanted.logo is not None else None
    digest = hashlib.sha256(logo.content).hexdigest() if logo is not None else None
    if logo is not None and digest is not None and ctx.store is not None:
        await ctx.store.put(_to_key(caller.account_id, shop, digest), logo.content)
    content = logo.content if logo is not None and ctx.store is None else None
    before = await ctx.db.write(partial(_write, caller, shop, name, wanted, digest, content, ctx.clock()))
    if before is not None and before != digest and ctx.store is not None:
        await _forget(ctx.store, caller.account_id, shop, before)


def _check(wanted: Wanted) -> None:
    faults = [
        errors.ErrorItem(
            "invalid", message("A text has at most {most} characters.", most=MAX_TEXT), parameter=f"text/{language}"
        )
        for language, text in wanted.texts.items()
        if len(text) > MAX_TEXT
    ]
    unknown = {wanted.otherwise, *wanted.texts} - set(words.LANGUAGES)
    if unknown:
        detail = message("One of {known}.", known=", ".join(words.LANGUAGES))
        faults.append(errors.ErrorItem("invalid", detail, parameter="otherwise"))
    if faults:
        raise errors.Invalid(faults)


async def _write(
    caller: Caller,
    shop: int,
    name: str,
    wanted: Wanted,
    digest: str | None,
    content: bytes | None,
    now: datetime,
    tx: Transaction,
) -> str | None:
    """Return the digest of the logo that is no longer used, if any."""
    known = (await list_designs(tx, caller.account_id)).get(shop, PLAIN)
    keeps = digest is None and not wanted.drops_logo
    texts = {language: text for language, text in wanted.texts.items() if text}
    row = {
        "account_id": caller.account_id,
        "integration_id": shop,
        "document": orjson.dumps({"texts": texts, "otherwise": wanted.otherwise}).decode(),
        "logo_digest": known.digest if keeps else digest,
        "logo": known.logo if keeps else content,
        "modified_at": now,
    }
    await tx.execute(_delete(caller.account_id, shop))
    await tx.execute(insert(slip_designs).values(row))
    await audit.record(tx, caller.account_id, caller.actor, "slips.changed", name, now=now)
    return None if keeps else known.digest


def _delete(account_id: int, shop: int) -> Delete:
    return delete(slip_designs).where(_d.account_id == account_id, _d.integration_id == shop)


async def delete_design(ctx: Context, caller: Caller, shop: int, name: str) -> None:
    """Let the shop's slips look like those of all shops again."""

    async def work(tx: Transaction) -> str | None:
        known = (await list_designs(tx, caller.account_id)).get(shop, PLAIN)
        await tx.execute(_delete(caller.account_id, shop))
        await audit.record(tx, caller.account_id, caller.actor, "slips.changed", name, now=ctx.clock())
        return known.digest

    before = await ctx.db.write(work)
    if before is not None and ctx.store is not None:
        await _forget(ctx.store, caller.account_id, shop, before)


async def _forget(store: Store, account_id: int, shop: int, digest: str) -> None:
    """A file that is left over because the store cannot be reached only costs a little space."""
    try:
        await store.delete(_to_key(account_id, shop, digest))
    except errors.Unavailable:
        return
