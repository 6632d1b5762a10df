"""What every carrier keeps to, ours and those that plug in: one suite, run against each."""

import asyncio
import importlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from packhouse.carriers import PDF, PNG, Announcement, Carrier, Consignment, Rejected, registry
from packhouse.carriers.karrio import Karrio
from packhouse.kit.data import places
from packhouse.printing import printers
from tests.shipping.carriers import consignments, lines, more_lines

STRANGER = """
import dataclasses

from packhouse.carriers import Option
from packhouse.carriers.house import OwnDelivery


class Pigeon(OwnDelivery):
    code = "pigeon"
    name = "Pigeon post"

    def options(self):
        return [Option("pigeon:standard", "Pigeon", self.code)]

    async def announce(self, consignment):
        if consignment.option_code == "pigeon:standard":
            consignment = dataclasses.replace(consignment, option_code="house:standard")
        return await super().announce(consignment)


class Broken:
    def __init__(self):
        raise RuntimeError("no wings")
"""
CODES = [*registry.BUILT_IN, "pigeon", *lines.LINES]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of somebody else's with two carriers, one of which cannot be made."""
    (tmp_path / "pigeon_post.py").write_text(STRANGER, "utf-8")
    about = tmp_path / "pigeon_post-1.0.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: pigeon-post\nVersion: 1.0\n")
    points = "[packhouse.carriers]\npigeon = pigeon_post:Pigeon\nbroken = pigeon_post:Broken\n"
    about.joinpath("entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


@pytest.fixture(params=CODES)
def carrier(request: pytest.FixtureRequest, installed: Path) -> Carrier:
    """Those that would go out into the world have a line of ours."""
    assert installed.is_dir()
    if request.param in lines.LINES:
        return Karrio(request.param, lines.LINES[request.param]())
    return {found.code: found for found in registry.find_carriers()}[request.param]


def consignment(option_code: str, **changes: Any) -> Consignment:
    """With a contract where there is a line."""
    code = option_code.partition(":")[0]
    terms: dict[str, Any] = {"contract": lines.contract(code)} if code in lines.LINES else {}
    return consignments.consignment(option_code, **terms, **changes)


def test_a_broken_stranger_leaves_the_others_alone(installed: Path) -> None:
    assert installed.is_dir()
    assert sorted(found.code for found in registry.find_carriers()) == sorted([*CODES, *more_lines.LINES])


def test_options_are_the_carriers_own(carrier: Carrier) -> None:
    options = carrier.options()
    assert options
    assert len({option.code for option in options}) == len(options)
    for option in options:
        assert option.code.startswith(f"{carrier.code}:")
        assert option.carrier_code == carrier.code
        assert option.name
        assert option.formats
        assert option.countries is None or option.countries <= places.COUNTRIES


def test_every_option_announces_with_a_label_that_can_be_read(carrier: Carrier) -> None:
    for option in carrier.options():
        told = asyncio.run(carrier.announce(consignment(option.code, ids=(41, 42), is_return=option.is_return)))
        assert len(told.parcels) == 2
        for parcel in told.parcels:
            label = next(document for document in parcel.documents if document.kind == "label")
            assert label.mime_type == PDF
            found = read(label.content)
            assert any(parcel.tracking_number in barcode.text for barcode in found)


def test_announcing_again_gives_the_same(carrier: Carrier) -> None:
    asked = consignment(carrier.options()[0].code)
    first: Any = asyncio.run(carrier.announce(asked))
    again: Any = asyncio.run(carrier.announce(asked))
    if carrier.code in lines.LINES:  # their labels pass through the SDK, which dates its files
        first, again = (to_numbers(told) for told in (first, again))
    assert first == again


def to_numbers(told: Announcement) -> Any:
    return [(parcel.tracking_number, parcel.tracking_url, len(parcel.documents)) for parcel in told.parcels]


def test_two_parcels_never_share_a_number(carrier: Carrier) -> None:
    told = asyncio.run(carrier.announce(consignment(carrier.options()[0].code, ids=tuple(range(1, 21)))))
    assert len({parcel.tracking_number for parcel in told.parcels}) == 20


def test_an_unknown_option_is_rejected(carrier: Carrier) -> None:
    with pytest.raises(Rejected):
        asyncio.run(carrier.announce(consignment(f"{carrier.code}:never")))


def test_cancelling_twice_is_no_error(carrier: Carrier) -> None:
    asked = consignment(carrier.options()[0].code)
    asyncio.run(carrier.announce(asked))
    asyncio.run(carrier.cancel(asked))
    asyncio.run(carrier.cancel(asked))


def test_a_carrier_without_tracking_says_so(carrier: Carrier) -> None:
    asked = consignment(carrier.options()[0].code)
    assert carrier.has_tracking or asyncio.run(carrier.track(asked)) == ()


def read(pdf: bytes) -> list[Any]:
    convert: Callable[..., bytes] = printers.load("convert")
    png = convert(pdf, PDF, PNG, 203)
    return list(zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L")))


def test_a_server_starts_without_what_prints() -> None:
    """Fonts, barcodes and PDF come with the first label."""
    program = """
import sys
import packhouse.app
from packhouse.carriers import registry
assert registry.find_carriers()
print(sorted({"PIL", "bidi", "arabic_reshaper", "pypdfium2", "reportlab", "zxingcpp"} & set(sys.modules)))
"""
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert asked.stdout == "[]\n"
