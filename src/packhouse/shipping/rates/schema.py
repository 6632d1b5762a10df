"""The wire shape of a rate table, and its rows as CSV."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.messages import Message, foreign, message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import CurrencyCode, Id, NonEmpty, Number
from packhouse.shipping.rates.pricing import ANYWHERE, PRICE, UNION, Row, Table

MAX_ROWS = 5_000
MAX_NAME = 100
MAX_HOURS = 2_000

_STRICT = ConfigDict(strict=True)
_ZONE = re.compile(r"(\*|[A-Z]{2}(:[A-Z0-9]{1,10})?)([ ,;]+(\*|[A-Z]{2}(:[A-Z0-9]{1,10})?))*")
_AMOUNT = re.compile(r"-?[0-9]{1,12}([.,][0-9]{1,6})? *%?")
Kind = Literal[
    "price_without_insurance", "insurance_price", "volume", "weight", "weight_volume", "internal_correction",
    "seasonal", "fuel", "remote", "toll", "dimensional", "customs", "returns", "label_quality", "packaging", "pickup",
    "residential", "address_corrections", "overcharge", "forbidden_item", "other",
]  # fmt: skip
COLUMNS = (
    "option_code", "contract_id", "zone", "from_zone", "max_weight_kg", "type", "price", "lead_time_hours", "label",
)  # fmt: skip

Zone = Annotated[str, Field(max_length=2000, pattern=f"^({_ZONE.pattern})?$")]


class RateRow(TypedDict):
    """`price` is money, or a percentage of the price (`8.5%`) where `type` is a surcharge."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    option_code: Annotated[str, Field(min_length=1, max_length=255)]
    contract_id: NotRequired[Id | None]
    zone: NotRequired[Zone]
    from_zone: NotRequired[Zone]
    max_weight_kg: NotRequired[Number | None]
    type: NotRequired[Kind]
    price: Annotated[str, Field(pattern=f"^{_AMOUNT.pattern}$")]
    lead_time_hours: NotRequired[Annotated[int, Field(ge=0, le=MAX_HOURS)] | None]
    label: NotRequired[Annotated[str, Field(max_length=100)]]


class RateTable(TypedDict):
    """Its rows, or the same as CSV. Without a date it is in force from today."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: Annotated[NonEmpty, Field(max_length=MAX_NAME)]
    currency: CurrencyCode
    valid_from: NotRequired[Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]]
    rows: NotRequired[Annotated[list[RateRow], Field(max_length=MAX_ROWS)]]
    csv: NotRequired[str]


RATE_TABLE: TypeAdapter[Any] = TypeAdapter(RateTable)
_ROW: TypeAdapter[Any] = TypeAdapter(RateRow)


def read_table(body: bytes, today: date) -> dict[str, Any]:
    """The document of a table. Raises Invalid with every flaw."""
    reading = validation.read_json(RATE_TABLE, body)
    if reading.flaws:
        raise errors.Invalid(
            [errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws]
        )
    sent = dict(reading.value)
    text = sent.pop("csv", None)
    if (text is None) == ("rows" not in sent):
        detail = message("A rate table has either rows or csv.")
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("rows",))))
    if text is not None:
        sent["rows"] = read_csv(text)
    sent.setdefault("valid_from", today.isoformat())
    require_whole(sent)
    return sent


def require_whole(document: Mapping[str, Any]) -> None:
    """Raises Invalid for what no shape says: a date that no calendar has, zones, percentages."""
    faults = []
    try:
        date.fromisoformat(document["valid_from"])
    except ValueError:
        faults.append(_to_fault(("valid_from",), message("Input should be a date")))
    if not document["rows"]:
        faults.append(_to_fault(("rows",), message("A rate table has at least one row.")))
    faults += [fault for number, row in enumerate(document["rows"]) for fault in _find_faults(number, row)]
    if faults:
        raise errors.Invalid(faults[: errors.MAX_LISTED])


def _find_faults(number: int, row: Mapping[str, Any]) -> Iterator[errors.ErrorItem]:
    for name in ("zone", "from_zone"):
        for part in _to_zone(row.get(name, "")):
            if part not in (ANYWHERE, UNION) and part[:2] not in places.COUNTRIES:
                yield _to_fault(("rows", number, name), message("There is no country {code}.", code=part[:2]))
    if "%" in row["price"] and row.get("type", PRICE) == PRICE:
        yield _to_fault(("rows", number, "price"), message("Only a surcharge can be a percentage."))


def _to_fault(path: errors.Path, detail: Message) -> errors.ErrorItem:
    return errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(path))


def read_csv(text: str) -> list[dict[str, Any]]:
    """Rows of a file with these COLUMNS, separated by commas or semicolons. Raises Invalid that names each line."""
    head = text.lstrip("\ufeff").split("\n", 1)[0]
    reader = csv.DictReader(
        io.StringIO(text.lstrip("\ufeff")), delimiter=";" if head.count(";") > head.count(",") else ","
    )
    try:
        records = [record for record, _ in zip(reader, range(MAX_ROWS + 1), strict=False)]
    except csv.Error as error:
        raise errors.Invalid(_to_fault(("csv",), foreign(str(error)))) from None
    missing = [name for name in ("option_code", "price") if name not in (reader.fieldnames or ())]
    if missing or len(records) > MAX_ROWS:
        told = message("The file has no column {name}.", name=missing[0]) if missing else None
        raise errors.Invalid(
            _to_fault(("csv",), told or message("A rate table has at most {most} rows.", most=MAX_ROWS))
        )
    rows, faults = [], []
    for line, record in enumerate(records, 2):
        reading = validation.read_python(_ROW, _to_row(record))
        rows.append(reading.value)
        for flaw in reading.flaws:
            told = message("Line {line}, {name}: {why}", line=line, name=str(flaw.path[0]), why=flaw.detail)
            faults.append(_to_fault(("csv",), told))
    if faults:
        raise errors.Invalid(faults[: errors.MAX_LISTED])
    return rows


def _to_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """An empty cell is no value; what is no number is left to the check of the row."""
    row: dict[str, Any] = {name: (record.get(name) or "").strip() for name in COLUMNS}
    row = {name: text for name, text in row.items() if text}
    for name in ("contract_id", "lead_time_hours"):
        if row.get(name, "").isdecimal():
            row[name] = int(row[name])
    for name in ("zone", "from_zone"):
        if name in row:
            row[name] = row[name].upper()
    if "max_weight_kg" in row:
        row["max_weight_kg"] = row["max_weight_kg"].replace(",", ".")
    return row


def write_csv(document: Mapping[str, Any]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in document["rows"])
    return file.getvalue()


def to_table(id: int, document: Mapping[str, Any]) -> Table:
    """A stored document as it is computed with."""
    day = date.fromisoformat(document["valid_from"])
    return Table(id, document["name"], day, document["currency"], list(_to_rows(document["rows"])))


def _to_rows(rows: list[Mapping[str, Any]]) -> Iterator[Row]:
    for row in rows:
        price = row["price"].replace(" ", "").replace(",", ".")
        heaviest = row.get("max_weight_kg")
        yield Row(
            row["option_code"],
            row.get("contract_id"),
            _to_zone(row.get("zone", "")),
            _to_zone(row.get("from_zone", "")),
            None if heaviest is None else units.to_decimal(heaviest),
            row.get("type", PRICE),
            Decimal(price.removesuffix("%")),
            price.endswith("%"),
            row.get("lead_time_hours"),
            row.get("label", ""),
        )


def _to_zone(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[ ,;]+", text) if part)
