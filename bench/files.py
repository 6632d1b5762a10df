"""Files of orders: how many rows a second are read, and whether anything in a file can make more than a report.

`python -m bench.files [COUNT] [--seed S] [--minutes M]` reads COUNT files (100,000) that are examples with something
broken in each, as CSV, JSON and JSON Lines.
"""

import argparse
import io
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from bench.report import Asked, Figure
from packhouse.orders.files import read
from packhouse.orders.files.map import Place
from packhouse.orders.files.records import Broken

EXAMPLES = Path(__file__).parent.parent / "tests" / "cli" / "files"
_PIECES = (
    b'"', b'\\"', b"\r", b"\n", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\xff\xfe", b",", b";", b"\t", b"|",
    b"sep=;\n", b"=1+1", b"'", b"1.23457E+12", b"0000-00-00", b"1e999", b"-", b"{", b"[", b"}", b"]", b"null",
    b'="01"', b"9" * 5000, b"PK\x03\x04", b"\x1f\x8b", b"\xe2\x82\xac", b"31/31/2026", b"1,234", b"1.234",
    b"{}" * 50, b"[" * 2000,
)  # fmt: skip
_LONGEST_SECONDS = 10.0


def _list_examples() -> list[bytes]:
    return [path.read_bytes() for folder in ("cases", "presets") for path in sorted((EXAMPLES / folder).iterdir())]


_KEPT: list[bytes] = []


def make_file(chance: random.Random) -> bytes:
    """An example with pieces put in, taken out and doubled."""
    _KEPT.extend([] if _KEPT else _list_examples())
    content = bytearray(chance.choice(_KEPT))
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(content) + 1), chance.randint(0, 40)
        kind = chance.randrange(4)
        if kind == 0:
            content[at:at] = chance.choice(_PIECES)
        elif kind == 1:
            del content[at : at + length]
        elif kind == 2:
            content[at:at] = content[at : at + length]
        else:
            content[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(content)


def read_whole(content: bytes, form: str | None = None) -> tuple[int, Broken | None] | None:
    """How many records there are and where the file broke; None where it took too long."""
    began = time.monotonic()
    count, broken = 0, None
    forms = [form] if form else [read.CSV, read.JSON, read.LINES]
    for each in forms:
        try:
            reading = read.open_file(io.BytesIO(content), read.Options(each, place=Place(1, "NL")))
            for record in reading.records:
                count += 1
                record.find_line(("order_details", "order_items", 0, "name"))
        except Broken as error:
            broken = error
    return (count, broken) if time.monotonic() - began < _LONGEST_SECONDS else None


def measure(folder: Path, rows: int) -> Iterator[Figure]:
    """Rows a second from a file of a shop to records, on one core; an order is two rows."""
    path = folder / "orders.csv"
    header, *lines = (EXAMPLES / "presets" / "shopify.csv").read_text("utf-8").splitlines()
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{header}\n")
        for number in range(rows // 2):
            file.writelines(
                f"{line.replace('#1001', f'#{number}').replace('5001000000001', str(number))}\n" for line in lines[:2]
            )
    began = time.perf_counter()
    with path.open("rb") as source:
        count = sum(1 for _ in read.open_file(source, read.Options(read.CSV, place=Place(1, "NL"))).records)
    speed = 2 * count / (time.perf_counter() - began)
    yield Figure("rows of a shop's file read", "/s", [speed], (), Asked(5_000, at_least=True))


@cache
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.files", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="The same seed makes the same files.")
    parser.add_argument("--minutes", type=float, default=60, help="Stop after this time, and say how many were read.")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    chance = random.Random(asked.seed)
    ends = time.monotonic() + asked.minutes * 60
    number = records = refused = 0
    while number < asked.count and time.monotonic() < ends:
        content = make_file(chance)
        try:
            done = read_whole(content)
        except BaseException:
            _keep(content)
            raise
        if done is None:
            _keep(content)
            raise SystemExit("A file took too long.")
        number += 1
        records += done[0]
        refused += done[1] is not None
        if number % 1_000 == 0:
            print(f"{number:,} files, a report of each: {records:,} records, {refused:,} files broken off", flush=True)
    print(f"{number:,} files of seed {asked.seed} were read")


def _keep(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(delete=False, suffix=".fuzzed") as kept:
        kept.write(content)
    print(f"The file is kept at {kept.name}.")


if __name__ == "__main__":
    main()
