"""Own delivery: nobody to ask, so a label is made here and now."""

from collections.abc import Sequence

from packhouse.shipping.carriers import (
    AnnouncedParcel,
    Announcement,
    Consignment,
    Document,
    Option,
    Parcel,
    TrackingEvent,
)


class House:
    code = "house"
    name = "Own delivery"
    has_tracking = False

    def options(self) -> Sequence[Option]:
        return [Option("house:standard", "Own delivery", self.code)]

    async def announce(self, consignment: Consignment, /) -> Announcement:
        return Announcement([self._announce(consignment, parcel) for parcel in consignment.parcels])

    def _announce(self, consignment: Consignment, parcel: Parcel) -> AnnouncedParcel:
        number = f"{parcel.id:018d}"
        to = consignment.recipient
        lines = [to.name, f"{to.address_line_1} {to.house_number}", f"{to.postal_code} {to.city}", to.country_code]
        label = Document("label", "a6", "application/pdf", _to_pdf([*lines, consignment.order_number, number]))
        return AnnouncedParcel(number, None, [label])

    async def cancel(self, _consignment: Consignment, /) -> None:
        return None

    async def track(self, _consignment: Consignment, /) -> Sequence[TrackingEvent]:
        return []


def _to_pdf(lines: Sequence[str]) -> bytes:
    """One page of A6 with lines of Helvetica."""
    shown = "".join(f"({_escape(line)}) Tj T* " for line in lines)
    stream = f"BT /F 11 Tf 14 TL 20 380 Td {shown}ET".encode("latin-1", "replace")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 298 420]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    ]
    file = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj%s endobj\n" % (number, content)
    start = len(file)
    file += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(file)


def _escape(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
