"""The account's shipping set-up: created at first use, changed by people. Each function runs inside the caller's
transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, text, update

from packhouse.accounts import queries as accounts
from packhouse.kit import errors
from packhouse.kit.db import Database, Transaction
from packhouse.kit.db.columns import Instant
from packhouse.kit.encryption import Encryptor
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.shipping.setup import queries, setup_schema
from packhouse.shipping.setup.setup_schema import (
    BRAND,
    CONTRACT,
    KINDS,
    RULE,
    SENDER,
    SETTINGS,
    SETTINGS_ID,
    Kind,
    Setup,
)
from packhouse.shipping.tables import shipping_setup

_t = shipping_setup.c

# A row that another transaction is writing is waited for, and then left as it is.
_INSERT_ONCE = text(
    "INSERT INTO shipping_setup (account_id, kind, id, created_at, modified_at, document) "
    "VALUES (:account_id, :kind, :id, :created_at, :modified_at, :document) "
    "ON CONFLICT (account_id, kind, id) DO NOTHING"
).bindparams(bindparam("created_at", type_=Instant()), bindparam("modified_at", type_=Instant()))

_DEFAULT_KEYS = {SENDER.name: "default_sender_address_id", BRAND.name: "default_brand_id"}


async def read_setup(db: Database, account_id: int, *, now: datetime, with_rates: bool = False) -> Setup:
    """Read outside any transaction; only the very first use opens one, to create the defaults. With `with_rates`, the
    rate tables in force are included."""
    async with db.read() as tx:
        found = await queries.find_setup(tx, account_id, priced_on=now.date() if with_rates else None)
    if found is not None:
        return found
    return await db.write(lambda tx: load_setup(tx, account_id, now=now, with_rates=with_rates))


async def load_setup(tx: Transaction, account_id: int, *, now: datetime, with_rates: bool = False) -> Setup:
    """Read inside a transaction; the first use creates the defaults."""
    priced_on = now.date() if with_rates else None
    found = await queries.find_setup(tx, account_id, priced_on=priced_on)
    if found is None:
        await _make_defaults(tx, account_id, now)
        found = await queries.find_setup(tx, account_id, priced_on=priced_on)
    return found or Setup()


async def _make_defaults(tx: Transaction, account_id: int, now: datetime) -> None:
    """Create what the first label needs: a sender address with a name and a country, the carriers that need no
    contract, and `house:standard`. Of two simultaneous first uses, one creates them."""
    settings = {"default_shipping_option_code": setup_schema.DEFAULT_OPTION}
    if not await tx.change(_INSERT_ONCE, _to_row(account_id, SETTINGS, SETTINGS_ID, settings, now)):
        return
    account = await accounts.get_account_by_id(tx, account_id)
    sender = {
        "name": account.name,
        "address_line_1": "",
        "postal_code": "",
        "city": "",
        "country_code": account.country_code,
    }
    contracts = [{"carrier_code": code, "name": name} for code, name in setup_schema.BUILT_IN.items()]
    ids = iter(await tx.next_ids("shipping_setup", 1 + len(contracts)))
    rows = [_to_row(account_id, SENDER, next(ids), sender, now)]
    rows += [_to_row(account_id, CONTRACT, next(ids), contract, now) for contract in contracts]
    await tx.execute(insert(shipping_setup), rows)


async def create_item(
    tx: Transaction, encryptor: Encryptor, account_id: int, kind: Kind, sent: dict[str, Any], *, now: datetime
) -> int:
    """Return its id. `sent` is valid in itself; raises Invalid if it names something that the account does not have,
    and NoSecretKey."""
    setup = await load_setup(tx, account_id, now=now)
    _require_named(setup, kind, sent)
    document = _seal(encryptor, sent)
    wants_default = document.pop("is_default", False)
    if kind is RULE:
        last = max((rule.get("position", 0) for rule in setup.rule.values()), default=0)
        document.setdefault("position", min(last + 1, setup_schema.MAX_POSITION))
    [id] = await tx.next_ids("shipping_setup", 1)
    await tx.execute(insert(shipping_setup).values(_to_row(account_id, kind, id, document, now)))
    if wants_default:
        await _make_default(tx, account_id, setup, kind, id, document, now)
    return id


async def update_item(
    tx: Transaction, encryptor: Encryptor, account_id: int, kind: Kind, id: int, sent: Any, *, now: datetime
) -> None:
    """Replace the stored keys by those that are sent; null removes one, and the result must be valid. Raises Invalid,
    NotFound, NoSecretKey."""
    setup = await load_setup(tx, account_id, now=now)
    row = errors.require(await queries.find_setup_row(tx, account_id, kind.name, id), no_such_item(kind))
    stored = orjson.loads(row.document)
    sealed = {name: stored.pop(name) for name in (setup_schema.SEALED,) if name in stored}
    document = _seal(encryptor, merge(kind, stored, sent))
    if "credentials" not in sent:
        document |= sealed
    _require_named(setup, kind, document)
    wants_default = document.pop("is_default", False)
    await _write(tx, account_id, kind, id, document, now)
    if wants_default:
        await _make_default(tx, account_id, setup, kind, id, document, now)


async def delete_item(tx: Transaction, account_id: int, kind: Kind, id: int) -> None:
    """Delete an item; shipments that were made with it stay as they are. Raises NotFound."""
    mine = (_t.account_id == account_id, _t.kind == kind.name, _t.id == id)
    if not await tx.change(delete(shipping_setup).where(*mine)):
        raise errors.NotFound(no_such_item(kind))


async def update_settings(tx: Transaction, account_id: int, sent: Any, *, now: datetime) -> None:
    """Change the settings as `update_item` changes an item."""
    setup = await load_setup(tx, account_id, now=now)
    row = await queries.find_setup_row(tx, account_id, SETTINGS.name, SETTINGS_ID)
    document = merge(SETTINGS, orjson.loads(row.document) if row is not None else {}, sent)
    _require_named(setup, SETTINGS, document)
    await _write(tx, account_id, SETTINGS, SETTINGS_ID, document, now)


def _seal(encryptor: Encryptor, document: dict[str, Any]) -> dict[str, Any]:
    """Encrypt credentials, which carriers need in clear text; they are never shown."""
    sealed = dict(document)
    if credentials := sealed.pop("credentials", None):
        sealed[setup_schema.SEALED] = encryptor.encrypt(orjson.dumps(credentials).decode())
    return sealed


# Keys that null does not take away: whatever reads one of them counts on it.
_ALWAYS_THERE = frozenset({"position", "is_active", "is_default", "for_returns"})


def merge(kind: Kind, stored: dict[str, Any], sent: Any) -> dict[str, Any]:
    """Raises Invalid with every flaw of the result."""
    if not isinstance(sent, dict):
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("Input should be an object"), pointer=errors.ATTRIBUTES)
        )
    merged = {key: value for key, value in {**stored, **sent}.items() if value is not None or key in _ALWAYS_THERE}
    reading = validation.read_python(kind.shape, merged)
    refuse_flaws(reading.flaws)
    return dict(reading.value)


def refuse_flaws(flaws: Sequence[validation.ValidationIssue]) -> None:
    if flaws:
        raise errors.Invalid([errors.ErrorItem("invalid", f.detail, pointer=errors.to_pointer(f.path)) for f in flaws])


def no_such_item(kind: Kind) -> errors.ErrorItem:
    return errors.not_found(message("There is no such {noun}.", noun=kind.noun))


def show_item(setup: Setup, kind: Kind, id: int) -> dict[str, Any]:
    """Return an item as in answers: without what is hidden, and with whether it is the default. Raises NotFound."""
    document = errors.require(setup.of_kind(kind).get(id), no_such_item(kind))
    shown = {"id": id, **{key: value for key, value in document.items() if key not in setup_schema.HIDDEN}}
    if kind is CONTRACT or kind is RULE:
        shown["is_active"] = setup_schema.is_active(document)
    if kind is RULE:
        shown["for_returns"] = document.get("for_returns", False)
    if kind is CONTRACT or kind is SENDER:
        shown["is_default"] = setup.is_default(kind, id)
    return shown


def show_settings(found: Setup) -> dict[str, Any]:
    return {
        "default_shipping_option_code": found.default_option(),
        "default_return_option_code": found.settings.get("default_return_option_code"),
        "default_sender_address_id": found.default_sender(),
        "default_brand_id": found.default_brand(),
        "contract_ids": found.settings.get("contract_ids") or {},
        "gs1_company_prefix": found.settings.get("gs1_company_prefix"),
        "option_aliases": found.settings.get("option_aliases") or {},
        "default_parcel_weight": found.settings.get("default_parcel_weight"),
        "status_codes": {kind: list(codes) for kind, codes in found.status_codes().items()},
    }


async def _make_default(
    tx: Transaction, account_id: int, setup: Setup, kind: Kind, id: int, document: dict[str, Any], now: datetime
) -> None:
    settings = dict(setup.settings)
    if kind is CONTRACT:
        settings["contract_ids"] = {**(settings.get("contract_ids") or {}), document["carrier_code"]: id}
    else:
        settings[_DEFAULT_KEYS[kind.name]] = id
    await _write(tx, account_id, SETTINGS, SETTINGS_ID, settings, now)


def _require_named(setup: Setup, kind: Kind, document: dict[str, Any]) -> None:
    """Raises Invalid if a rule or the settings name something that the account does not have."""
    faults = []
    for path, wanted, id in _find_named(kind, document):
        if id not in setup.of_kind(wanted):
            detail = message("There is no {noun} with id {id}.", noun=wanted.noun, id=id)
            faults.append(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(path)))
    if faults:
        raise errors.Invalid(faults)


def _find_named(kind: Kind, document: dict[str, Any]) -> list[tuple[errors.Path, Kind, int]]:
    if kind is RULE:
        keys = {"contract_id": CONTRACT, "sender_address_id": SENDER}
        actions = document.get("actions", {})
        return [(("actions", key), wanted, actions[key]) for key, wanted in keys.items() if key in actions]
    if kind is not SETTINGS:
        return []
    found: list[tuple[errors.Path, Kind, int]] = [
        ((key,), KINDS[name], document[key]) for name, key in _DEFAULT_KEYS.items() if document.get(key) is not None
    ]
    of_carriers = document.get("contract_ids") or {}
    return found + [(("contract_ids", code), CONTRACT, id) for code, id in of_carriers.items()]


async def _write(
    tx: Transaction, account_id: int, kind: Kind, id: int, document: dict[str, Any], now: datetime
) -> None:
    mine = (_t.account_id == account_id, _t.kind == kind.name, _t.id == id)
    values = {"document": orjson.dumps(document).decode(), "modified_at": now}
    await tx.execute(update(shipping_setup).where(*mine).values(values))


def _to_row(account_id: int, kind: Kind, id: int, document: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "kind": kind.name,
        "id": id,
        "created_at": now,
        "modified_at": now,
        "document": orjson.dumps(document).decode(),
    }
