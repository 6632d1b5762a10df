"""Files in any way of writing them: what was written is what is read, and whatever is in a file, there is a report.

More fuzzed files by PACKHOUSE_TEST_FUZZED_FILES, or by `python -m bench.files`.
"""

import gzip
import io
import os
import random
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import files as fuzzed
from packhouse.orders.files import archive, read
from packhouse.orders.files.formats import Conventions
from packhouse.orders.files.records import Broken
from tests.cli.test_file_cases import COLUMNS, PLAIN, line, read_file, table

FUZZED = int(os.environ.get("PACKHOUSE_TEST_FUZZED_FILES", "300"))
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
DATES = {
    "%Y-%m-%d %H:%M:%S": None, "%Y-%m-%dT%H:%M:%SZ": None, "%d-%m-%Y %H:%M:%S": "day-first",
    "%d.%m.%Y %H:%M:%S": None, "%m/%d/%Y %I:%M:%S %p": None, "%d/%m/%Y %H:%M:%S": "day-first",
    "%Y-%m-%d %H:%M:%S +0000": None, "%Y-%m-%d %H:%M:%S UTC": None, "%b %d, %Y %I:%M:%S %p": None,
}  # fmt: skip
NUMBERS = {
    "1234.56": (".", ""), "1234,56": (",", ""), "1.234,56": (",", "."), "1,234.56": (".", ","),
    "1 234,56": (",", " "), "1'234.56": (".", "'"),
}  # fmt: skip


def to_number(cents: int, style: str) -> str:
    decimal, thousands = NUMBERS[style]
    whole = f"{cents // 100:,}".replace(",", thousands)
    return f"{whole}{decimal}{cents % 100:02d}"


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(",;\t|"),
    st.sampled_from(ENCODINGS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(list(DATES)),
    st.sampled_from(list(NUMBERS)),
    st.lists(
        st.tuples(
            st.integers(0, 99_999_999), st.integers(0, 2**30), st.sampled_from(["Zoë", "Köln, 1", 'a "b"', "x;y"])
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_what_was_written_is_what_is_read(
    separator: str,
    encoding: str,
    end: str,
    dates: str,
    numbers: str,
    made: list[tuple[int, int, str]],
    has_sep_line: bool,
) -> None:
    rows = [COLUMNS]
    for at, (cents, seconds, name) in enumerate(made):
        when = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        cells = dict(zip(COLUMNS, [f"A{at}", f"A{at}", *PLAIN], strict=True))
        cells["order_details.order_created_at"] = when.strftime(dates)
        cells["payment_details.total_price.value"] = to_number(cents, numbers)
        cells["shipping_address.name"] = name
        rows.append(list(cells.values()))
    text = end.join(separator.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows) + end
    text = (f"sep={separator}{end}" if has_sep_line else "") + text
    reading, found = read_file(text.encode(encoding), told=Conventions(None, DATES[dates]))  # type: ignore[arg-type]
    assert reading.separator == separator
    assert len(found) == len(made)
    for order, (cents, seconds, name) in zip(found, made, strict=True):
        when = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        assert order["payment_details"]["total_price"]["value"] == cents / 100
        assert order["shipping_address"]["name"] == name
        told = datetime.fromisoformat(order["order_details"]["order_created_at"])
        if "UTC" in dates or "Z" in dates or "+0000" in dates:
            assert told == when
        else:
            assert timedelta(0) <= when - told <= timedelta(hours=2)  # of the account's zone


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1250", "Łukasz Żółć, Jiří Dvořák"), ("cp1251", "Иван Иванов, Москва"), ("cp1253", "Γιώργος Παπάς, Αθήνα"),
        ("cp1254", "Ayşe Yılmaz, Iğdır"), ("iso8859_15", "Jürgen, 25 €"), ("cp850", "Jürgen Müller, Köln"),
        ("mac_roman", "Jürgen Müller, Straße"),
        ("cp932", "田中太郎、東京都千代田区"), ("cp1252", "José Muñoz – Straße „4“"),
    ],
)  # fmt: skip
def test_the_code_page_is_found_and_told(encoding: str, name: str) -> None:
    content = table(line("A0"), line("A1", shipping_address__name=name)).decode().encode(encoding)
    reading, found = read_file(content)
    assert [order["shipping_address"]["name"] for order in found] == ["Anna Tester", name]
    assert [note.line for note in reading.notes] == [3]


def test_a_file_that_is_partly_utf8_is_read_line_by_line() -> None:
    content = table(
        line("A1", shipping_address__name="Zoë Müller"), line("A2", city="Köln"), line("A3", city="Orléans")
    )
    _, found = read_file(content.replace("Orléans".encode(), "Orléans".encode("cp1252")))
    assert [order["shipping_address"]["city"] for order in found] == ["Amsterdam", "Köln", "Orléans"]


def test_archives_of_one_file_are_read_and_bounded() -> None:
    content = table(line("A1"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("__MACOSX/._orders.csv", b"x")
        made.writestr("orders.csv", content)
    for archived in (gzip.compress(content), packed.getvalue(), gzip.compress(packed.getvalue())):
        _, found = read_file(archived)
        assert [order["order_id"] for order in found] == ["A1"]
    with pytest.raises(Broken, match="unpacks to more"):
        read_file(gzip.compress(b"0" * 5_000_000), most_unpacked=1_000_000)
    with zipfile.ZipFile(packed, "a") as made:
        made.writestr("more.csv", content)
    with pytest.raises(Broken, match="one file"):
        read_file(packed.getvalue())
    for broken in (b"\x1f\x8bxxxx", b"PK\x03\x04xxxx", gzip.compress(content)[:-9]):
        with pytest.raises(Broken):
            read_file(broken)


def test_a_number_of_rows_of_one_order_is_bounded() -> None:
    rows = [line("A1", item__name="x" * 500_000) for _ in range(25)]
    _, found = read_file(table(*rows, line("A2")))
    assert "more rows than a record may hold" in found[0][0]
    assert found[1]["order_id"] == "A2"


def test_whatever_is_in_a_file_there_is_a_report() -> None:
    chance = random.Random(20)
    for _ in range(FUZZED):
        content = fuzzed.make_file(chance)
        assert fuzzed.read_whole(content) is not None, content


def test_forms_of_files_are_told_by_their_names() -> None:
    names = {
        "a.CSV": "csv",
        "a.txt": "csv",
        "a.tsv.gz": "csv",
        "a.xlsx": "xlsx",
        "a.ndjson.gz": "jsonl",
        "a.json": "json",
    }
    assert {name: read.find_form(name) for name in names} == names
    assert read.find_form("a.zip") == "csv"
    assert read.find_form("a.pdf") is None
    assert archive.MOST_UNPACKED > 0
