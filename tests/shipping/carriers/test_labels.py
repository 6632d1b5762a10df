"""Labels as a scanner and a person see them, in every format."""

import asyncio
import binascii
import io
import re
import zlib
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from packhouse.carriers import PDF, PNG, ZPL, registry, serials
from packhouse.printing import addresses, labels, printers, shaping, sheets
from tests.shipping.carriers.consignments import RECIPIENTS, SENDER, consignment

FORMATS = [(PNG, 150), (PNG, 203), (PNG, 300), (ZPL, 203), (ZPL, 300)]
SYMBOLOGY = {"house:standard": "]C1", "sendcloud:letter": "]C0", "post:packet": "]C0"}


def make_label(option_code: str, **changes: Any) -> tuple[str, bytes]:
    """The parcel's number and its label."""
    carrier = {found.code: found for found in registry.find_carriers()}[option_code.partition(":")[0]]
    parcel = asyncio.run(carrier.announce(consignment(option_code, **changes))).parcels[0]
    return parcel.tracking_number, next(d.content for d in parcel.documents if d.kind == "label")


def to_image(content: bytes, mime_type: str) -> Image.Image:
    return from_zpl(content) if mime_type == ZPL else Image.open(io.BytesIO(content)).convert("L")


def from_zpl(content: bytes) -> Image.Image:
    """What a printer makes of the graphic field: ones are ink."""
    found = re.fullmatch(
        rb"\^XA\^PW(\d+)\^LL(\d+)\^LH0,0\^FO0,0\^GFA,(\d+),(\d+),(\d+),:Z64:([A-Za-z0-9+/=]+):([0-9a-f]{4})\^FS\^XZ\n",
        content,
    )
    assert found is not None
    height, size, across = int(found[2]), int(found[3]), int(found[5])
    assert int(found[7], 16) == binascii.crc_hqx(found[6], 0)
    bits = zlib.decompress(b64decode(found[6]))
    assert len(bits) == size == height * across
    return Image.frombytes("1", (across * 8, height), bytes(255 - byte for byte in bits)).convert("L")


def read(image: Image.Image) -> dict[str, str]:
    """Symbology identifier -> text. Parts in brackets are application identifiers."""
    return {found.symbology_identifier: found.text for found in zxingcpp.read_barcodes(image)}


@pytest.mark.parametrize(("mime_type", "dpi"), FORMATS)
@pytest.mark.parametrize("option_code", list(SYMBOLOGY))
@pytest.mark.parametrize("recipient", list(RECIPIENTS))
def test_every_label_is_read_back(option_code: str, recipient: str, mime_type: str, dpi: int) -> None:
    number, pdf = make_label(option_code, recipient=RECIPIENTS[recipient], notes="Ring twice. " * 90)
    image = to_image(sheets.convert(pdf, PDF, mime_type, dpi), mime_type)
    shown = f"(00){number}" if SYMBOLOGY[option_code] == "]C1" else number
    qr = f"N-10007\n{number}\n0f1c9d6e-1111-4222-8333-123456789abc"
    assert read(image) == {SYMBOLOGY[option_code]: shown, "]Q1": qr}


@pytest.mark.parametrize("dpi", [150, 203, 300])
def test_modules_are_whole_dots(dpi: int) -> None:
    """Every bar and gap of the linear code is a multiple of one width, to the pixel."""
    _, pdf = make_label("house:standard")
    image = to_image(sheets.convert(pdf, PDF, PNG, dpi), PNG)
    y = image.height - int(labels._BARCODE.y / 72 * dpi) - int(labels._BARCODE.height / 72 * dpi / 2)
    row = [image.getpixel((x, y)) for x in range(image.width)]
    assert set(row) == {0, 255}
    runs = [len(run) for run in re.findall("0+|1+", "".join("1" if level else "0" for level in row).strip("1"))]
    module = min(runs)
    assert all(run % module == 0 for run in runs)
    assert sum(runs) == 156 * module
    assert module / dpi * 25.4 >= 0.49  # GS1 asks for 0.495 mm to 0.94 mm; 3 dots at 150 are 0.508


@pytest.mark.parametrize("recipient", list(RECIPIENTS))
def test_text_stays_in_its_place(recipient: str) -> None:
    """No letter is outside the label, over a barcode, or across a rule."""
    _, pdf = make_label("house:standard", recipient=RECIPIENTS[recipient], notes="Ring twice, wait, ring. " * 200)
    with pypdfium2.PdfDocument(pdf) as file:
        page = file[0].get_textpage()
        boxes = [page.get_rect(index) for index in range(page.count_rects())]
    assert len(boxes) > 10
    width, height = labels.A6
    for left, bottom, right, top in boxes:
        assert left >= 0
        assert bottom >= 0
        assert right <= width + 0.1
        assert top <= height
        for code in (labels._BARCODE, labels._QR):
            beside = right <= code.x + 0.1 or left >= code.x + code.width
            assert beside or top <= code.y + 1 or bottom >= code.y + code.height
        assert not any(bottom < rule - 0.5 < top - 1 for rule in labels._RULES)


@pytest.mark.parametrize("recipient", ["polish", "greek", "cyrillic", "turkish", "chinese", "arabic"])
def test_names_are_on_the_label_as_they_are_written(recipient: str) -> None:
    address = RECIPIENTS[recipient]
    _, pdf = make_label("house:standard", recipient=address)
    with pypdfium2.PdfDocument(pdf) as file:
        text = file[0].get_textpage().get_text_range()
    for line in (address.name, *addresses.to_lines(address), *addresses.to_lines(SENDER), "Order N-10007", "1.250 kg"):
        assert line in text, line


def test_arabic_is_joined_and_runs_to_the_left() -> None:
    """Muhammad, seen from the left: final dal, medial meem, medial hah, initial meem."""
    runs = shaping.to_runs("محمد 12", "Regular")
    assert "".join(run.text for run in runs) == "12 \ufeaa\ufee4\ufea4\ufee3"
    assert {run.font for run in runs} == {"NotoSans-Regular", "NotoSansArabic-Regular"}


def test_the_country_orders_the_lines() -> None:
    assert addresses.to_lines(SENDER) == [
        "Anna Bakker", "Teehandel Bakker", "Keizersgracht 12", "1015 CR Amsterdam", "NETHERLANDS",
    ]  # fmt: skip
    british = addresses.to_lines(RECIPIENTS["endless"])
    assert british[2].startswith("221B An endless street")
    assert british[-2:] == ["SW1A 1AA", "UNITED KINGDOM"]


def test_four_labels_share_a_sheet() -> None:
    made = [make_label("house:standard", ids=(id,)) for id in range(1, 6)]
    make: Callable[..., bytes] = printers.load("sheets")
    with pypdfium2.PdfDocument(make([pdf for _, pdf in made])) as file:
        assert [round(side) for side in file[0].get_size()] == [595, 842]
        images = [page.render(scale=300 / 72).to_pil().convert("L") for page in file]
    read_all = [zxingcpp.read_barcodes(image) for image in images]
    found = [{code.text for code in codes if code.symbology_identifier == "]C1"} for codes in read_all]
    assert found == [{f"(00){number}" for number, _ in made[:4]}, {f"(00){made[4][0]}"}]


def test_what_is_no_pdf_is_not_converted() -> None:
    with pytest.raises(sheets.NotConvertible):
        sheets.convert(b"^XA^XZ", ZPL, PNG)


@pytest.mark.parametrize(
    ("prefix", "id", "sscc"), [("952", 1, "095200000000000011"), ("8712345", 41, "087123450000000417")]
)
def test_an_sscc_has_its_check_digit(prefix: str, id: int, sscc: str) -> None:
    made = serials.to_sscc(prefix, id)
    assert made == sscc
    assert sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(made)) % 10 == 0


def test_an_sscc_is_never_given_twice() -> None:
    assert serials.to_sscc("123456789012", 99_999)[0] == "9"
    with pytest.raises(ValueError, match="no numbers left"):
        serials.to_sscc("123456789012", 100_000)


def test_an_s10_number_has_its_check_digit() -> None:
    assert serials.to_s10("R", "GB", 47_312_482)[2:] == "473124829GB"
    assert serials.to_s10("C", "NL", 10**8 + 5)[:2] == "CB"
