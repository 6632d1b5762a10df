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
    """The rows, as a list or as CSV. Without a date, the table is valid from today."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: Annotated[NonEmpty, Field(max_length=MAX_NAME)]
    currency: CurrencyCode
    valid_from: NotRequired[Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]]
    rows: NotRequired[Annotated[list[RateRow], Field(max_length=MAX_ROWS)]]
    csv: NotRequired[str]


RATE_TABLE: TypeAdapter[Any] = TypeAdapter(RateTable)
_ROW: TypeAdapter[Any] = TypeAdapter(RateRow)


def read_table(body: bytes, today: date) -> dict[str, Any]:
    """Return the document of a table. Raises Invalid with every flaw."""
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
    """Check what the shape cannot: dates, zones, percentages. Raises Invalid."""
    faults = []
    try:
        date.fromisoformat(document["valid_from"])
    except ValueError:
        faults.append(_to_fault(("valid_from",), message("Input should be a date")))
    if not document["rows"]:
        faults.append(_to_fault(("rows",), message("A rate table has at least one row.")))
    faults += [
        _to_fault(("rows", number, name), detail)
        for number, row in enumerate(document["rows"])
        for name, detail in _find_flaws(row)
    ]
    if faults:
        raise errors.Invalid(faults[: errors.MAX_LISTED])


def _find_flaws(row: Mapping[str, Any]) -> Iterator[tuple[str, Message]]:
    """Find, by field, what the shape of a row cannot check."""
    for name in ("zone", "from_zone"):
        for part in to_zone(row.get(name, "")):
            if part not in (ANYWHERE, UNION) and part[:2] not in places.COUNTRIES:
                yield name, message("There is no country {code}.", code=part[:2])
    if "%" in row["price"] and row.get("type", PRICE) == PRICE:
        yield "price", message("Only a surcharge can be a percentage.")


def _to_fault(path: errors.Path, detail: Message) -> errors.ErrorItem:
    return errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(path))


def read_row(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Read one row as the API would read it among others. Raises Invalid with the places of its fields."""
    reading = validation.read_python(_ROW, dict(sent))
    faults = [_to_fault(flaw.path[:1], _to_detail(flaw, sent)) for flaw in reading.flaws]
    if faults:
        raise errors.Invalid(faults)
    row: dict[str, Any] = reading.value
    if faults := [_to_fault((name,), detail) for name, detail in _find_flaws(row)]:
        raise errors.Invalid(faults)
    return row


def _to_detail(flaw: validation.ValidationIssue, sent: Mapping[str, Any]) -> Message:
    """Describe the format, because a pattern says nothing to people who write prices."""
    name = flaw.path[0] if flaw.path else ""
    text = sent.get(name) if isinstance(name, str) else None
    if text and name == "price":
        return message("“{text}” is no price: write 7.25, or 8.5% for a surcharge.", text=str(text)[:40])
    if text and name in ("zone", "from_zone"):
        return message("“{text}” is no list of places: write NL, DE:80, EU or *.", text=str(text)[:40])
    return flaw.detail


def read_csv(text: str) -> list[dict[str, Any]]:
    """Read rows with these COLUMNS, separated by commas or semicolons. Raises Invalid with line and column of each
    flaw. An unknown column is refused, because a misspelt one would make a price apply everywhere."""
    head = text.lstrip("\ufeff").split("\n", 1)[0]
    reader = csv.DictReader(
        io.StringIO(text.lstrip("\ufeff")), delimiter=";" if head.count(";") > head.count(",") else ","
    )
    try:
        _require_columns([(name or "").strip() for name in reader.fieldnames or ()])
        records = [(line, record) for line, record in zip(_count_lines(reader), reader, strict=False)]
    except csv.Error as error:
        raise errors.Invalid(_to_fault(("csv",), foreign(str(error)))) from None
    if len(records) > MAX_ROWS:
        raise errors.Invalid(_to_fault(("csv",), message("A rate table has at most {most} rows.", most=MAX_ROWS)))
    rows, faults = [], []
    for line, record in records:
        try:
            rows.append(_read_record(record))
        except errors.Invalid as refusal:
            for fault in refusal.faults:
                name = (fault.pointer or "").rpartition("/")[2]
                told = message("Line {line}, {name}: {why}", line=line, name=name, why=fault.detail)
                faults.append(_to_fault(("csv",), told))
    if faults:
        raise errors.Invalid(faults[: errors.MAX_LISTED])
    return rows


def _count_lines(reader: "csv.DictReader[str]") -> Iterator[int]:
    """Return the line in which the next record begins; a cell may contain line breaks."""
    for _ in range(MAX_ROWS + 1):
        yield reader.line_num + 1


def _require_columns(names: list[str]) -> None:
    told = [message("The file has no column {name}.", name=name) for name in _NEEDED if name not in names]
    told += [
        message("The column {name} is not known: the columns are {known}.", name=name[:40], known=", ".join(COLUMNS))
        for name in names
        if name and name not in COLUMNS
    ]
    if told:
        raise errors.Invalid([_to_fault(("csv",), detail) for detail in told])


_NEEDED = ("option_code", "price")


def _read_record(record: Mapping[str | None, Any]) -> dict[str, Any]:
    """Raises Invalid."""
    if None in record:
        raise errors.Invalid(_to_fault((COLUMNS[-1],), message("The line has more cells than there are columns.")))
    return read_row(_to_row({(name or "").strip(): cell for name, cell in record.items()}))


def _to_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """An empty cell is no value; the check of the row refuses invalid numbers."""
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
    """Convert a stored document for computing."""
    day = date.fromisoformat(document["valid_from"])
    return Table(id, document["name"], day, document["currency"], list(_to_rows(document["rows"])))


def _to_rows(rows: list[Mapping[str, Any]]) -> Iterator[Row]:
    for row in rows:
        price = row["price"].replace(" ", "").replace(",", ".")
        heaviest = row.get("max_weight_kg")
        yield Row(
            row["option_code"],
            row.get("contract_id"),
            to_zone(row.get("zone", "")),
            to_zone(row.get("from_zone", "")),
            None if heaviest is None else units.to_decimal(heaviest),
            row.get("type", PRICE),
            Decimal(price.removesuffix("%")),
            price.endswith("%"),
            row.get("lead_time_hours"),
            row.get("label", ""),
        )


def to_zone(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[ ,;]+", text) if part)
