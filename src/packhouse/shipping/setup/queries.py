"""Reads of the account's shipping set-up."""

from datetime import date

import orjson
from sqlalchemy import bindparam, select

from packhouse.kit import clock
from packhouse.kit.db import Reader
from packhouse.shipping.rates import queries as rates
from packhouse.shipping.setup.setup_schema import SETTINGS, Setup
from packhouse.shipping.tables import SetupRow, shipping_setup

_t = shipping_setup.c
_FIND_SETUP = select(_t.kind, _t.id, _t.document).where(_t.account_id == bindparam("account")).order_by(_t.kind, _t.id)


async def find_setup(tx: Reader, account_id: int, *, priced_on: date | None = None) -> Setup | None:
    """Return None before the first use. The rate tables in force are included if a rule compares prices; with
    `priced_on`, those of that day are always included."""
    rows = await tx.fetch_all(_FIND_SETUP, {"account": account_id})
    setup = Setup()
    is_made = False
    for kind, id, document in rows:
        if kind == SETTINGS.name:
            is_made, setup.settings = True, orjson.loads(document)
        else:
            getattr(setup, kind)[id] = orjson.loads(document)
    if not is_made:
        return None
    if priced_on is not None or setup.needs_rates():
        setup.rates = await rates.list_in_force(tx, account_id, priced_on or clock.now().date())
    return setup


async def find_setup_row(tx: Reader, account_id: int, kind: str, id: int) -> SetupRow | None:
    """To change it: locked."""
    mine = (_t.account_id == account_id, _t.kind == kind, _t.id == id)
    return await tx.fetch_one(select(shipping_setup).where(*mine).with_for_update(), into=SetupRow)
