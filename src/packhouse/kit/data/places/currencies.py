"""Currencies: their decimals, their value in SDR, and whether they still exist."""

import csv
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import pycountry
from babel import Locale

from packhouse.kit.data.places import codes, names, tables

_MINOR_UNITS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),  # noqa: SIM905
        0,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),  # noqa: SIM905
    **dict.fromkeys("CLF UYW".split(), 4),  # noqa: SIM905
    **dict.fromkeys(
        "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split(),  # noqa: SIM905
        0,
    ),
}
"""Currency -> decimals, where they are not 2: ISO 4217, table A.1, as of 2026-11. Metals, funds and codes for testing
have none."""

_LONGEST_NAME = 60
_ENOUGH = 4
"""The most decimals of any currency."""


class Withdrawn(NamedTuple):
    """`end` is the month from which the code is historic: `2023-01`. `units` of it made one of the currency `of`."""

    currency: str
    name: str
    end: str
    minor_units: int
    units: Decimal | None
    of: str


def find_withdrawn(currency: str) -> Withdrawn | None:
    """Return a currency that ISO 4217 has withdrawn; None for one that is in use, or never existed."""
    return _read_withdrawn().get(currency)


@cache
def read_signs() -> Mapping[str, tuple[str, ...]]:
    """What stands for a currency beside its code -> the codes that it may mean, the most traded first."""
    return {row["alias"]: tuple(row["codes"].split()) for row in tables.read_table("currency_aliases")}


@lru_cache(1024)
def find_currencies_meant(written: str) -> tuple[str, ...]:
    """The ISO 4217 codes behind another way of writing a currency: `RMB`, `€`, `978`, `Britisches Pfund`; several of
    `$`, none of what is a code already or means nothing."""
    text = " ".join(written.split())
    known = codes.CURRENCIES | WITHDRAWN
    if written in known or not text or len(text) > _LONGEST_NAME:
        return ()
    if text.upper() in known:
        return (text.upper(),)
    signs = read_signs()
    by_number = pycountry.currencies.get(numeric=text)
    if found := signs.get(text) or signs.get(text.replace(" ", "").upper()):
        return found
    return (by_number.alpha_3,) if by_number else _read_names().get(text.casefold(), ())


@cache
def _read_names() -> dict[str, tuple[str, ...]]:
    """Names of currencies in use, in the languages of shops, by the Unicode CLDR as babel has it."""
    found: dict[str, dict[str, None]] = {}
    for language in names.LANGUAGES:
        for code, name in Locale.parse(language).currencies.items():
            if code in codes.CURRENCIES:
                found.setdefault(name.casefold(), {})[code] = None
    return {name: tuple(meant) for name, meant in found.items()}


def find_minor_units(currency: str) -> int:
    """Return the decimals of an amount: 2 unless ISO 4217 says otherwise."""
    withdrawn = find_withdrawn(currency)
    return withdrawn.minor_units if withdrawn else _MINOR_UNITS.get(currency, 2)


def to_amount(value: Decimal, currency: str) -> str:
    """Write an amount as papers do: with the currency's decimals, and more where the value has more. Never rounded."""
    decimals = max(find_minor_units(currency), -_find_exponent(value))
    return f"{value:.{decimals}f}" if value.is_finite() else str(value)


def _find_exponent(value: Decimal) -> int:
    """Return the exponent of the last digit that is not zero."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return 0
    text = "".join(map(str, digits))
    return exponent + len(text) - len(text.rstrip("0"))


def to_sdr(value: Decimal, currency: str) -> Decimal | None:
    """Convert to special drawing rights; None if the table of rates does not have the currency."""
    known = read_rates()
    rate, withdrawn = known.get(currency), find_withdrawn(currency)
    if rate is None and withdrawn and withdrawn.units and withdrawn.of in known:
        rate = known[withdrawn.of] * withdrawn.units
    return value / rate if rate else None


class InvalidRates(ValueError):
    """A file of rates that cannot be read."""


_FROM_FILE: dict[str, Decimal] = {}


@cache
def read_rates() -> Mapping[str, Decimal]:
    """Return the units of a currency for one SDR, on the day that `data/rates.csv` names, overridden by the file in
    use."""
    shipped = {row["currency"]: Decimal(row["per_sdr"]) for row in tables.read_table("rates")}
    return shipped | _FROM_FILE


def use_rates(path: Path | None) -> None:
    """Let the rates of this file override the built-in ones, for the whole process. Raises InvalidRates."""
    _FROM_FILE.clear()
    read_rates.cache_clear()
    if path is not None:
        _FROM_FILE.update(load_rates(path))


def load_rates(path: Path) -> dict[str, Decimal]:
    """Read rates from a CSV file with the columns `currency` and `per_sdr`, or a JSON object from currencies to
    units for one SDR; `#` begins a comment. Raises InvalidRates."""
    try:
        text = path.read_text("utf-8")
        told = json.loads(text) if path.suffix == ".json" else _read_csv(text)
        rates = {str(currency): Decimal(str(rate)) for currency, rate in told.items()}
    except (OSError, ValueError, KeyError, AttributeError, InvalidOperation) as error:
        raise InvalidRates(f"The exchange rates in {path} cannot be read: {error!r}.") from error
    for currency, rate in rates.items():
        if currency not in codes.CURRENCIES | WITHDRAWN or not (rate.is_finite() and rate > 0):
            raise InvalidRates(f"The exchange rates in {path} have {rate} for {currency}.")
    return rates


def _read_csv(text: str) -> dict[str, str]:
    rows = csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#"))
    return {row["currency"]: row["per_sdr"] for row in rows}


@cache
def _read_withdrawn() -> dict[str, Withdrawn]:
    return {
        row["currency"]: Withdrawn(
            row["currency"],
            row["name"],
            row["end"],
            int(row["minor_units"]),
            Decimal(row["units"]) if row["units"] else None,
            row["of"],
        )
        for row in tables.read_table("withdrawn_currencies")
    }


WITHDRAWN: frozenset[str] = frozenset(_read_withdrawn())
"""Codes that ISO 4217 has withdrawn: orders of their time still have them."""
