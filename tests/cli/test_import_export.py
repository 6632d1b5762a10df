"""`packhouse orders import` and `export`, by the command line (docs/files.md)."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from packhouse.cli.orders import Form
from packhouse.orders import schema
from packhouse.orders.files import columns, read, write
from packhouse.orders.files.map import Place
from packhouse.orders.files.records import Broken, Record
from tests import make
from tests.cli.conftest import Run
from tests.conftest import OWNER

FORMS = ["json", "jsonl", "csv"]
OTHER = {
    "billing_address": make.address(company_name="null", address_line_2="", po_box=None),
    "shipping_address": make.address(city='"quoted" | piped', name="Zoë\r\nVisser, \tsenior"),
    "payment_details": {
        "total_price": {"value": "3.99", "currency": "EUR"},
        "is_cash_on_delivery": False,
        "discount_granted": None,
        "freight_costs": {"value": 1.0, "currency": None},
        "other_costs": {},
    },
    "customs_details": {"tax_numbers": {"sender": [{"name": "VAT", "country_code": "NL", "value": "NL1"}]}},
    "shipping_details": {"measurement": {}, "is_local_pickup": None},
    "service_point_details": {"id": "007", "extra_data": {"a": [1, None, {"b": 2.5}]}},
    "order_details": {
        "notes": "null",
        "tags": ["a|b", "[c]", ""],
        "order_items": [
            make.item(properties={"colour": "green"}, unit_price={}, mid_code=None),
            make.item(name="Cup", quantity=1, dangerous_goods={"quantity": "1", "regulation_set": "adr"}),
        ],
    },
}


def to_text(form: str, orders: list[dict[str, Any]]) -> str:
    made = write.FORMS[form]
    return made.begin + "".join(made.write(json.dumps(o), i == 0) for i, o in enumerate(orders)) + made.end


def open_records(form: str, source: Any, integration: int | None = None) -> Iterator[Record]:
    return read.open_file(source, read.Options(form, place=Place(integration)), is_stream=True).records


def read_all(form: str, body: bytes, integration: int | None = None) -> list[Any]:
    """Records' values, with `(line, flaws)` for a record that cannot be read and the Broken that ended it all."""
    found: list[Any] = []
    try:
        found.extend(
            (record.line, [f.detail for f in record.flaws]) if record.flaws else json.loads(record.body)
            for record in open_records(form, io.BytesIO(body), integration)
        )
    except Broken as broken:
        found.append((broken.line, broken.detail))
    return found


def stored(client: TestClient) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = client.get("/api/v3/orders?sort=pk&page_size=200").json()["data"]
    return [{key: value for key, value in order.items() if key not in schema.READ_ONLY} for order in orders]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_stored_and_exported_as_it_was(form: str, run: Run, client: TestClient, tmp_path: Path) -> None:
    orders = [make.order(f"o-{n}") for n in range(250)] + [make.order("rich", 2, **OTHER)]
    source = tmp_path / f"orders.{form}"
    source.write_text(to_text(form, orders), "utf-8", newline="")

    done = run(f"orders import {source} --account owner --json")
    assert done.exit_code == 0, done.output
    head = {"created": 251, "updated": 0, "unchanged": 0, "refused": 0, "dry_run": False, "stopped": None}
    assert json.loads(done.stdout) == {**head, "records": []}

    exported = run(f"orders export --account owner --sort pk --format {form}")
    assert exported.exit_code == 0
    assert [{**o, "id": 0} for o in read_all(form, exported.stdout_bytes)] == [{**o, "id": 0} for o in orders]
    again = run(f"orders import - --format {form} --account owner --json", input=exported.stdout_bytes)
    assert json.loads(again.stdout) == {**head, "created": 0, "unchanged": 251, "records": []}
    assert stored(client)[0] == orders[0]


def test_exported_json_is_what_the_api_gives(run: Run, client: TestClient, tmp_path: Path) -> None:
    client.post("/api/v3/orders", json=[make.order("a"), make.order("b")])
    listed = client.get("/api/v3/orders").json()["data"]
    assert {"id", "created_at", "modified_at"} <= listed[0].keys()
    assert json.loads(run("orders export --account owner").stdout) == listed
    assert run(f"orders export {tmp_path}/x.ndjson --account owner").exit_code == 0
    assert [json.loads(line) for line in (tmp_path / "x.ndjson").read_text("utf-8").splitlines()] == listed
    assert json.loads(run("orders export --account stranger").stdout) == []
    rows = list(csv.DictReader(io.StringIO(run("orders export - --account owner --format csv").stdout)))
    assert rows[0]["id"] == str(listed[0]["id"])
    assert rows[0]["created_at"] == listed[0]["created_at"]


def test_export_takes_the_lists_filters(run: Run, client: TestClient) -> None:
    paid = {"status": {"code": "Paid"}, "order_created_at": "2026-01-01T00:00:00Z"}
    late = {"order_created_at": "2026-02-01T12:00:00Z", "order_updated_at": "2026-03-05T12:00:00Z"}
    batch = [make.order("a", order_details=paid), make.order("b", 2, order_details=late), make.order("c", 2)]
    assert client.post("/api/v3/orders", json=batch).status_code == 200

    def ids(options: str) -> list[str]:
        return [o["order_id"] for o in json.loads(run(f"orders export --account owner {options}").stdout)]

    assert ids("") == ["c", "b", "a"]
    assert ids("--sort order_created_at") == ["a", "b", "c"]
    assert ids("--integration 1") == ["a"]
    assert ids("--integration 1,2 --sort pk") == ids("--integration 1 --integration 2 --sort pk") == ["a", "b", "c"]
    assert ids("--status paid") == ["a"]
    assert ids("--order-number n-B") == ["b"]
    assert ids("--order-id C") == ["c"]
    assert ids("--order-created-at 2026-02-01") == ["b"]
    assert ids("--order-created-at-min 2026-02-01 --order-created-at-max 2026-03-01") == ["b"]
    assert ids("--order-updated-at 2026-03-05T12:00:00Z") == ["b"]
    assert ids("--order-updated-at-min 2026-03-06") == ["c"]
    assert ids("--order-updated-at-max 2026-03-04") == ["a"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--order-created-at-min soon", "--order-created-at-min: Input should be a date or an RFC 3339"),
        ("--sort price", "--sort: 'price' is none of"),
        ("--integration x", "--integration: Select a valid choice. x is not"),
        ("--integration 3", "The account has no integration 3."),
        ("--account nobody", "There is no account named 'nobody'."),
    ],
)
def test_export_says_in_one_line_what_it_cannot_do(options: str, said: str, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "orders.csv"
    target.write_text("kept", "utf-8")
    failed = run(f"orders export {target} --account owner {options}")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"packhouse: {said}")
    assert failed.stderr.count("\n") == 1
    assert target.read_text("utf-8") == "kept"
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_export_writes_files_only(run: Run, client: TestClient, tmp_path: Path) -> None:
    client.post("/api/v3/orders", json=[make.order("a")])
    assert run(f"orders export {tmp_path} --account owner --format json").stderr.endswith("no regular file.\n")
    assert "No such file" in run(f"orders export {tmp_path}/no/x.json --account owner").stderr
    assert "--format json|jsonl|csv" in run(f"orders export {tmp_path}/x.txt --account owner").stderr
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(target)
    assert run(f"orders export {link} --account owner").exit_code == 0
    assert link.is_symlink()
    assert [o["order_id"] for o in json.loads(target.read_text("utf-8"))] == ["a"]
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_refused_record_keeps_no_other_out(form: str, run: Run, client: TestClient) -> None:
    orders = [make.order(f"o-{n}") for n in range(100)]
    del orders[10]["order_number"], orders[10]["payment_details"]["total_price"]
    orders[20]["order_details"]["integration"]["id"] = 99
    orders[30]["order_details"]["order_items"][0]["quantity"] = -1
    orders[30]["order_details"]["integration"]["id"] = 3
    body = to_text(form, orders).replace('"o-40"', '"\\ud800"').replace('"o-41"', "NaN")

    done = run(f"orders import - --format {form} --account owner --json", input=body)
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert {**report, "records": 0} == {
        "created": 95,
        "updated": 0,
        "unchanged": 0,
        "refused": 5,
        "dry_run": False,
        "stopped": None,
        "records": 0,
    }
    records = {record["line"]: record for record in report["records"]}
    assert sorted(records) == [11, 21, 31, 41, 42]
    assert records[11] == {
        "line": 11,
        "order_id": "o-10",
        "faults": [
            {"pointer": "/order_number", "code": "invalid", "detail": "Field required"},
            {"pointer": "/payment_details/total_price", "code": "invalid", "detail": "Field required"},
        ],
    }
    assert [fault["pointer"] for fault in records[31]["faults"]] == [
        "/order_details/order_items/0/quantity",
        "/order_details/integration/id",
    ]
    assert records[21]["faults"][0]["detail"] == "Integration with id 99 does not exist"
    assert "NaN" in records[42]["faults"][0]["detail"]
    kept = [n for n in range(100) if n not in (10, 20, 30, 40, 41)]
    assert [o["order_id"] for o in stored(client)] == [f"o-{n}" for n in kept]


@pytest.mark.one_database
def test_the_report_for_people_is_a_table_and_a_sum(run: Run) -> None:
    wrong = make.order("bad\x1b[2J", 99)
    done = run("orders import - --format jsonl --account owner", input=to_text("jsonl", [make.order("good"), wrong]))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "1 created, 0 updated, 0 unchanged, 1 refused."
    assert "detail" in done.stdout
    assert "\x1b[2J" not in done.stdout


def test_updates_are_counted_and_signed(run: Run, client: TestClient) -> None:
    client.post("/api/v3/orders", json=[make.order("a"), make.order("b")])
    sent = [make.order("a"), make.key("b", notes="Ring twice"), make.order("c"), make.key("c", notes="Later")]
    report = json.loads(run("orders import - --format json --account owner --json", input=to_text("json", sent)).stdout)
    assert [report[name] for name in ("created", "updated", "unchanged", "refused")] == [1, 2, 1, 0]
    orders = {o["order_id"]: o for o in client.get("/api/v3/orders").json()["data"]}
    assert orders["c"]["order_details"]["notes"] == "Later"
    history = client.get(f"/api/packhouse/orders/{orders['b']['id']}/history").json()["data"]
    assert [entry["by"] for entry in history] == [
        {"type": "command", "name": "orders import"},
        {"type": "api_key", "name": OWNER[0]},
    ]


def test_a_dry_run_tells_all_and_writes_nothing(run: Run, client: TestClient) -> None:
    client.post("/api/v3/orders", json=[make.order("a"), make.order("b")])
    before = client.get("/api/v3/orders").json()
    sent = [make.order("a"), make.key("b", notes="x"), make.order("c"), make.key("d", notes="x"), make.order("e", 99)]
    done = run("orders import - --format json --account owner --json --dry-run", input=to_text("json", sent))
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert [report[name] for name in ("created", "updated", "unchanged", "refused")] == [1, 1, 1, 2]
    assert report["dry_run"] is True
    places = [[fault["pointer"] for fault in record["faults"]] for record in report["records"]]
    lacking = ("status", "order_created_at", "order_items")
    assert places == [
        ["/order_number", "/payment_details", *(f"/order_details/{name}" for name in lacking)],
        ["/order_details/integration/id"],
    ]
    assert client.get("/api/v3/orders").json() == before
    good = to_text("json", sent[:3])
    assert run("orders import - --format json --account owner --dry-run", input=good).exit_code == 0
    assert client.get("/api/v3/orders").json() == before


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_records_without_a_shop_go_to_the_one_that_is_named(run: Run, client: TestClient) -> None:
    bare = make.order("a")
    del bare["order_details"]["integration"]
    body = to_text("jsonl", [bare, make.order("b", 1)])
    assert run("orders import - --format jsonl --account owner --integration 2", input=body).exit_code == 0
    assert [o["order_details"]["integration"]["id"] for o in stored(client)] == [2, 1]
    refused = run("orders import - --format jsonl --account owner --json", input=body)
    assert json.loads(refused.stdout)["records"][0]["faults"][0]["pointer"] == "/order_details/integration"
    unknown = run("orders import - --format jsonl --account owner --integration 3", input=body)
    assert (unknown.exit_code, unknown.stderr) == (1, "packhouse: The account has no integration 3.\n")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("form", "change", "line", "detail"),
    [
        ("json", lambda text: text[:-400], 250, "Invalid JSON: the file ends within a record"),
        ("json", lambda text: text[:-2], 250, "the JSON list has no end"),
        ("json", lambda text: text + "[]", 251, "more after the end of the JSON list"),
        ("json", lambda text: text.replace('"N-o-200"', "N"), 201, "Invalid JSON: Expecting value"),
        ("json", lambda text: text.replace("o-200", "\udcff"), 201, "not UTF-8 (0xff)"),
        ("jsonl", lambda text: text.replace("o-200", "\udcff"), 201, "not UTF-8 (0xff)"),
        ("csv", lambda text: text.replace("o-200", "\udcff"), 202, "not UTF-8 (0xff)"),
        ("csv", lambda text: text.replace("o-200", '"o-200" x', 1), 202, "Invalid CSV: ',' expected after '\"'"),
    ],
)
def test_a_broken_file_keeps_what_came_before(
    form: str, change: Any, line: int, detail: str, run: Run, client: TestClient
) -> None:
    text = change(to_text(form, [make.order(f"o-{n}") for n in range(250)]))
    done = run(f"orders import - --format {form} --account owner --json", input=text.encode("utf-8", "surrogateescape"))
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert report["stopped"] == {"line": line, "detail": detail}
    assert report["refused"] == 0
    whole = (
        250 if line >= 250 and detail[:7] != "Invalid" else min(249, line - (3 if form == "csv" else 1))
    )  # of CSV the last order may lack rows
    assert report["created"] == whole
    assert [o["order_id"] for o in stored(client)] == [f"o-{n}" for n in range(min(whole, 200))]
    [error] = json.loads(done.stderr)["errors"]
    assert f"stopped at line {line}: {detail}." in error["detail"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_broken_line_of_json_lines_is_one_refused_record(run: Run, client: TestClient) -> None:
    lines = to_text("jsonl", [make.order("a"), make.order("b")]).splitlines()
    body = "\n".join(["\ufeff" + lines[0], "", '{"order_id": }', "[1]", lines[1] + "," + lines[1], lines[1]])
    report = json.loads(run("orders import - --format jsonl --account owner --json", input=body.encode()).stdout)
    assert [(r["line"], r["faults"][0]["pointer"], r["faults"][0]["detail"][:13]) for r in report["records"]] == [
        (3, "", "Invalid JSON:"),
        (4, "", "Input should "),
        (5, "", "Invalid JSON:"),
    ]
    assert [o["order_id"] for o in stored(client)] == ["a", "b"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_csv_columns_that_are_unknown_stop_everything(run: Run, client: TestClient) -> None:
    body = "order_id,colour,order_id,item.size\no-1,red,o-1,XL\n"
    done = run("orders import - --format csv --account owner", input=body)
    assert done.exit_code == 1
    assert done.stderr.startswith("packhouse: stopped at line 1: Columns that cannot be read.")
    assert "'colour', 'item.size'" in done.stderr
    assert "'order_id'" in done.stderr
    assert stored(client) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_csv_as_people_write_it(run: Run, client: TestClient) -> None:
    """Rows of one order follow each other; what belongs to the order may be repeated or left out."""
    header = (
        "order_id,order_number,order_details.status.code,order_details.order_created_at,order_details.tags,"
        "payment_details.total_price.value,payment_details.total_price.currency,payment_details.status.code,"
        "item.name,item.quantity,item.total_price.value,item.total_price.currency"
    )
    body = (
        f"\ufeff{header}\r\n"
        "0012,N-1,new,2026-03-14T08:26:53Z,a|b,12.50,EUR,paid,Tea,2,10,EUR\r\n"
        '0012,N-1,,,,,,,"Cup, ""big""\nand blue",1,"""2.50""",EUR\r\n'
        "0013,N-2,new,2026-03-14T08:26:53Z,,1,EUR,paid,Tea,many,1,EUR\r\n"
        "0014,N-3,new,2026-03-14T08:26:53Z,,1,EUR,paid,Tea,1,1,EUR,extra\r\n"
        "0015,N-4,new,2026-03-14T08:26:53Z,,1,EUR,paid,Tea,1,1,EUR\r\n"
        "0015,N-5,,,,,,,Cup,1,1,EUR\r\n"
    )
    done = run("orders import - --format csv --account owner --integration 1 --json", input=body.encode())
    records = json.loads(done.stdout)["records"]
    assert [(r["line"], r["order_id"], r["faults"][0]["pointer"]) for r in records] == [
        (5, "0013", "/order_details/order_items/0/quantity"),
        (6, "0014", ""),
        (7, "0015", "/order_number"),
    ]
    assert records[1]["faults"][0]["detail"] == "Line 6 has 13 cells, the header 12"
    [order] = stored(client)
    assert order["order_id"] == "0012"
    assert order["order_details"]["tags"] == ["a", "b"]
    assert order["payment_details"]["total_price"]["value"] == 12.5
    assert [(i["name"], i["total_price"]["value"]) for i in order["order_details"]["order_items"]] == [
        ("Tea", 10),
        ('Cup, "big"\nand blue', "2.50"),
    ]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_import_says_in_one_line_what_it_cannot_do(run: Run, tmp_path: Path) -> None:
    for words, said in [
        ("- --account owner", "Standard input does not tell its format. Say it with --format json|jsonl|csv|xlsx."),
        (f"{tmp_path}/x.pdf --account owner", "x.pdf' does not tell its format."),
        (f"{tmp_path}/x.csv --account owner", "No such file or directory."),
        ("- --format csv --account nobody", "There is no account named 'nobody'."),
        ("- --format json --account owner", "stopped at line 1: the file is empty."),
        ("- --format csv --account owner", "stopped at line 1: the columns' names are expected."),
    ]:
        failed = run(f"orders import {words}", input="")
        assert failed.exit_code == 1
        assert said in failed.stderr
        assert failed.stderr.count("\n") == 1


def test_every_form_can_be_chosen() -> None:
    assert [form.value for form in Form] == list(read.FORMS)


def test_an_interrupted_import_says_what_it_stored(database_url: str, client: TestClient) -> None:
    """Ctrl-C while the next record is awaited: the command ends, and what was stored is counted and whole."""
    words = [sys.executable, "-m", "packhouse", "orders", "import", "-", "--format", "jsonl", "--account", "owner"]
    with subprocess.Popen(
        [*words, "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PACKHOUSE_DATABASE_URL": database_url},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(to_text("jsonl", [make.order(f"o-{n}") for n in range(250)]).encode())
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while len(stored(client)) < 200 and time.monotonic() < deadline:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.wait(30)
        report = json.loads(process.stdout.read())
    assert process.returncode == 130
    assert report["stopped"] == {"line": None, "detail": "interrupted"}
    assert len(stored(client)) == 200
    assert report["created"] in (100, 200)  # the last answer may have been on its way


class Endless(io.BufferedIOBase):
    """A file of `count` orders that is nowhere whole."""

    def __init__(self, form: str, count: int) -> None:
        self._parts = self._make(write.FORMS[form], count)

    def _make(self, form: write.Form, count: int) -> Iterator[bytes]:
        yield form.begin.encode()
        for index in range(count):
            yield form.write(json.dumps(make.order(f"o-{index}")), index == 0).encode()
        yield form.end.encode()

    def read1(self, _size: int = -1) -> bytes:
        return next((part for part in self._parts if part), b"")


@pytest.mark.parametrize("form", FORMS)
def test_reading_takes_the_same_memory_at_any_length(form: str) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        found = sum(1 for _ in open_records(form, Endless(form, count)))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == count
        return top

    peak(10)
    assert min(peak(4_000) for _ in range(3)) < 1.2 * peak(500) + 100_000  # other threads may take some of one


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["", "null", '"', '""', '"a"', "true", "1", "[", "[]", "{}", "a|b", "=1+1", "\r", "\n", "\r\n", " ", "NaN", "1e5"]
)
NUMBERS = (
    st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["1.50", ".5", "-0"])
)
FREE = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=6,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS | st.none(),
    "number": NUMBERS | st.none(),
    "boolean": st.booleans() | st.none(),
    "texts": st.lists(TEXTS, max_size=3) | st.none(),
    "json": st.dictionaries(TEXTS, FREE, max_size=3) | st.lists(FREE, max_size=3),
    "object": st.none() | st.builds(dict),
}


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """Any values in any of the fields, valid or not: what a cell holds is not what an order may hold."""

    def fill(of_item: bool, count: int) -> dict[str, Any]:
        found = [
            c
            for c in columns.COLUMNS.values()
            if c.of_item == of_item and c.path != columns.ITEMS and c.name not in (*schema.READ_ONLY, *columns.KEY)
        ]
        made: dict[str, Any] = {}
        for column in draw(st.lists(st.sampled_from(found), max_size=count)):
            holder = made
            for step in column.path[:-1]:
                holder = holder.setdefault(step, {}) if holder.get(step, {}) is not None else {}
            holder.setdefault(column.path[-1], draw(VALUES[column.kind]))
        return made

    made = fill(False, 12)
    details = made["order_details"] = (made.get("order_details") or {}) | {"integration": {"id": 1}}
    made["order_id"] = draw(TEXTS)
    items = [{**fill(True, 8), "quantity": 1} for _ in range(draw(st.integers(0, 3)))]
    return {**made, "order_details": {**details, "order_items": items}}


@example([{"order_id": "", "order_details": {"tags": ['"'], "order_items": []}}])
@settings(deadline=None)
@given(st.lists(orders(), max_size=3, unique_by=lambda order: order["order_id"]))
def test_csv_loses_nothing(made: list[dict[str, Any]]) -> None:
    assert read_all("csv", to_text("csv", made).encode()) == made


@given(st.lists(st.dictionaries(TEXTS, FREE, max_size=4), max_size=4), st.integers(0, 4))
def test_json_is_read_as_it_is_written(made: list[dict[str, Any]], indent: int) -> None:
    made = [{key: value for key, value in order.items() if key not in schema.READ_ONLY} for order in made]
    assert read_all("json", json.dumps(made, indent=indent).encode()) == made
    assert read_all("json", json.dumps(made, ensure_ascii=False).encode()) == made
    assert read_all("jsonl", "\n".join(map(json.dumps, made)).encode()) == made
