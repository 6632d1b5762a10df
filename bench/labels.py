"""Labels a second: drawn as PDF, and turned into PNG and ZPL for a printer of 203 dpi."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from bench.report import Asked, Figure
from packhouse.shipping import labels, serials, sheets
from packhouse.shipping.carriers import PDF, PNG, ZPL, Address, Consignment, Parcel

_SENDER = Address("Anna Bakker", "Keizersgracht", "1015 CR", "Amsterdam", "NL", house_number="12")
_RECIPIENTS = (
    Address("Żaneta Wiśniewska", "ulica Świętokrzyska", "00-116", "Warszawa", "PL", house_number="14"),
    Address("Παναγιώτης Παπαδόπουλος", "Λεωφόρος Σοφίας", "106 74", "Αθήνα", "GR", house_number="5"),
    Address("王小明", "建国路", "100022", "北京市", "CN", house_number="88号"),
    Address("محمد بن عبد الله", "شارع الملك فهد", "12271", "الرياض", "SA", house_number="7421"),
)


def _make(id: int) -> bytes:
    """No two alike: another number, another order, another recipient than the one before."""
    told = Consignment(
        reference=f"0f1c9d6e-1111-4222-8333-{id:012d}",
        order_number=f"N-{id}",
        sender=_SENDER,
        recipient=_RECIPIENTS[id % len(_RECIPIENTS)],
        parcels=[Parcel(id, Decimal("1.25"))],
        option_code="house:standard",
        notes=f"Leave parcel {id} with the neighbour.",
        announced_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    number = f"(00){serials.to_sscc('952', id)}"
    return labels.make_labels(told, [("Own delivery", "Own delivery", "H", "gs1-128", number, number)])[0]


def measure_speed(rounds: int, count: int = 40) -> Iterator[Figure]:
    """By the core's time, not the clock's: what one core does."""
    made = [_make(id) for id in range(count)]  # also loads the fonts
    ways: list[tuple[str, Callable[[int], object], float]] = [
        ("labels as PDF", lambda number: _make(count + number), 40),
        ("labels from PDF to PNG, 203 dpi", partial(_convert, made, PNG), 30),
        ("labels from PDF to ZPL, 203 dpi", partial(_convert, made, ZPL), 30),
    ]
    for name, make, least in ways:
        found = []
        for turn in range(rounds):
            began = time.process_time()
            for id in range(count):
                make(turn * count + id)
            found.append(count / (time.process_time() - began))
        yield Figure(name, "a second and core", found, (), Asked(least, at_least=True))


def _convert(made: list[bytes], mime_type: str, id: int) -> bytes:
    return sheets.convert(made[id % len(made)], PDF, mime_type, 203)
