"""Files as shops, marketplaces and spreadsheets make them, by the command line.

An example of a preset is `files/presets/<preset>.<ext>` with `<preset>.expected.json` beside it: what its records are.
More of them, of other countries and versions, are `<preset>-<which>.<ext>`.
"""

import io
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from packhouse.orders.files import formats, mapping, read
from packhouse.orders.files.map import Place
from packhouse.orders.files.records import Broken
from tests.cli.conftest import Run

FILES = Path(__file__).parent / "files"
CASES = sorted((FILES / "cases").iterdir())
EXAMPLES = sorted(path for path in (FILES / "presets").iterdir() if not path.name.endswith(".expected.json"))
# How many orders a file holds, where it is not one.
COUNTS = {
    "shopify_orders_export.csv": 2, "interleaved.csv": 2, "backslash_quote.csv": 2, "data_wrapped.json": 0,
    "excel_sci_ids.csv": 0, "dates_php_zero.csv": 0,
}  # fmt: skip
REASONS = {"excel_sci_ids.csv": "its digits are lost", "dates_php_zero.csv": "where there is no date"}
HEADER = (
    "order_id,order_number,order_details.status.code,order_details.order_created_at,item.name,item.quantity,"
    "item.total_price.value,item.total_price.currency,payment_details.total_price.value,"
    "payment_details.total_price.currency,payment_details.status.code,shipping_address.name,"
    "shipping_address.address_line_1,shipping_address.postal_code,shipping_address.city,shipping_address.country_code"
)
COLUMNS = HEADER.split(",")

PLAIN = (
    "unfulfilled", "2026-03-14T09:26:53Z", "Tea", "2", "25.0", "EUR", "25.0", "EUR", "paid", "Anna Tester",
    "Teststraat 10", "1011 AB", "Amsterdam", "NL",
)  # fmt: skip


def line(order_id: str = "A1", **changes: str) -> str:
    """A row of one item; a change is named by the end of its column, with `__` for a dot."""
    cells = dict(
        zip(
            COLUMNS,
            [order_id, order_id, *PLAIN],
            strict=True,
        )
    )
    for name, value in changes.items():
        [column] = [column for column in COLUMNS if column.endswith(name.replace("__", "."))]
        cells[column] = value
    return ",".join(f'"{cell}"' if "," in cell or "\n" in cell or '"' in cell else cell for cell in cells.values())


def table(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def read_file(content: bytes, form: str = "csv", **said: Any) -> tuple[read.ParsedFile, list[Any]]:
    """The orders of a file, with the details of its flaws for one that has any."""
    place = Place(1, "NL", ZoneInfo("Europe/Amsterdam"))
    reading = read.open_file(io.BytesIO(content), read.Options(form, place=place, **said))
    found = [
        [flaw.detail for flaw in record.flaws] or record.left_out or json.loads(record.body)
        for record in reading.records
    ]
    return reading, found


def report_of(run: Run, content: bytes, options: str = "", form: str = "csv") -> dict[str, Any]:
    words = f"orders import - --format {form} --account owner --integration 1 --json {options}"
    report: dict[str, Any] = json.loads(run(words, input=content).stdout)
    return report


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_every_case_is_imported_or_refused_with_a_reason(run: Run, client: TestClient) -> None:
    for path in CASES:
        done = run(f"orders import {path} --account owner --into 1 --json")
        report = json.loads(done.stdout)
        assert report["stopped"] is None, path.name
        assert report["created"] == COUNTS.get(path.name, 1), (path.name, report)
        told = json.dumps(report["records"])
        assert REASONS.get(path.name, "") in told
        assert bool(report["refused"]) == (path.name in REASONS), (path.name, told)
    orders = {order["order_id"]: order for order in client.get("/api/v3/orders?page_size=200").json()["data"]}
    assert orders["C15"]["shipping_address"]["name"] == "Jürgen Müller"
    assert orders["C9"]["payment_details"]["total_price"] == {"value": 25.0, "currency": "EUR"}
    assert orders["C18"]["order_details"]["order_created_at"] == "2026-03-14T08:26:00.000000+00:00"
    assert orders["C31"]["order_details"]["order_items"][0]["name"] == '15" pizza pan'
    assert orders["C35"]["order_details"]["order_items"][0]["name"] == "Tea\r\ngreen"
    assert [item["name"] for item in orders["C26"]["order_details"]["order_items"]] == ["Apple", "Banana"]
    assert [item["name"] for item in orders["C30"]["order_details"]["order_items"]] == ["Apple", "Banana"]
    assert orders["C39"]["shipping_address"]["postal_code"] == "01234"
    assert orders["C40"]["shipping_address"]["postal_code"] == "01234"
    assert orders["C13b"]["order_details"]["order_items"][0]["quantity"] == 1


def test_every_preset_has_an_example() -> None:
    assert {path.stem for path in EXAMPLES if "-" not in path.stem} == set(mapping.list_presets())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_preset_is_recognised_and_reads_its_example(path: Path) -> None:
    reading, found = read_file(path.read_bytes(), read.find_form(path.name) or "csv")
    assert reading.preset == path.stem.partition("-")[0]
    assert found == json.loads(path.with_suffix(".expected.json").read_text("utf-8"))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_examples_of_all_presets_are_taken(run: Run) -> None:
    for path in EXAMPLES:
        done = run(f"orders import {path} --account owner --into 2 --json")
        report = json.loads(done.stdout)
        assert (done.exit_code, report["refused"], report["stopped"]) == (0, 0, None), (path.name, report)
        expected = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))
        left_out = sum(isinstance(order, str) for order in expected)
        assert report.get("left_out", 0) == left_out
        assert report["created"] + report["updated"] + report["unchanged"] == len(expected) - left_out
        if path.name != "packhouse.csv":
            assert report["file"]["preset"] == path.stem.partition("-")[0]


def test_rows_that_lie_apart_are_one_order_or_one_refused_record(run: Run, client: TestClient) -> None:
    rows = [line("A1"), line("A2"), line("A1", item__name="Cup"), line("A3"), line("A2", city="Utrecht")]
    report = report_of(run, table(*rows))
    assert (report["created"], report["refused"]) == (2, 1)
    [record] = report["records"]
    assert (record["line"], record["order_id"]) == (3, "A2")
    [fault] = record["faults"]
    assert fault["column"] == "shipping_address.city"
    assert "line 6" in fault["detail"]
    assert "line 3" in fault["detail"]
    orders = {order["order_id"]: order for order in client.get("/api/v3/orders").json()["data"]}
    assert [item["name"] for item in orders["A1"]["order_details"]["order_items"]] == ["Tea", "Cup"]


def test_ids_that_a_spreadsheet_shortened_are_refused_each_by_itself(run: Run) -> None:
    for mangled in ("1.23457E+12", "1,23457E+12", "5E+15"):
        report = report_of(run, table(line(mangled), line(mangled), line("good")))
        assert [record["line"] for record in report["records"]] == [2, 3]
        assert {fault["column"] for fault in report["records"][0]["faults"]} == {"order_id", "order_number"}
        assert "read this column in as text" in report["records"][0]["faults"][0]["detail"]


def test_where_rows_lie_apart_a_broken_file_gives_no_half_order(run: Run) -> None:
    broken = table(line("A1"), line("A2"), line("A1", item__name="Cup")) + b'"A4" x,'
    report = report_of(run, broken)
    assert report["created"] == 0
    assert "none of it was taken" in report["stopped"]["detail"]
    whole = report_of(run, table(line("A1"), line("A2"), line("A3")) + b'"A4" x,')
    assert whole["created"] == 2


def test_a_file_that_does_not_tell_is_asked_about() -> None:
    both = table(line(order_created_at="03/02/2026"))
    _, [[said]] = read_file(both)
    assert "say which comes first" in said
    _, [order] = read_file(both, told=formats.Conventions(day_order="day-first"))
    assert order["order_details"]["order_created_at"] == "2026-02-02T23:00:00+00:00"
    _, found = read_file(table(line(order_created_at="03/02/2026"), line("A2", order_created_at="13/02/2026")))
    assert found[0]["order_details"]["order_created_at"] == "2026-02-02T23:00:00+00:00"
    _, [[said], _] = read_file(
        table(line(payment_details__total_price__value="1,234"), line("A2")).replace(b"25.0", b"25")
    )
    assert "say which is the decimal mark" in said
    tells = table(
        line(payment_details__total_price__value="1.234"), line("A2", payment_details__total_price__value="2,5")
    )
    _, found = read_file(tells.replace(b"25.0", b"25"))
    assert [order["payment_details"]["total_price"]["value"] for order in found] == [1234, 2.5]


def test_titles_footers_and_what_was_passed_over_are_told() -> None:
    content = b"Orders of February\n\n" + table(line(), "", "," * 15) + b"Total,,,,,,25.0,,,,,,,,,\n3 orders\n"
    reading, found = read_file(content)
    assert [order["order_id"] for order in found] == ["A1"]
    assert [(note.line, note.detail[:16]) for note in reading.notes] == [
        (1, "Passed over as a"),
        (7, "Passed over as a"),
        (8, "Passed over as a"),
    ]


def test_what_no_preset_knows_says_so(run: Run) -> None:
    with pytest.raises(Broken, match="No preset knows these columns: Customer, Thing"):
        read_file(b"Customer,Thing\nAnna,Tea\n")
    report = report_of(run, b"Customer,Thing\nAnna,Tea\n")
    assert "No preset knows" in report["stopped"]["detail"]
