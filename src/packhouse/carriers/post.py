"""The post: numbers of UPU S10, and customs papers for what leaves the customs union.

S10 numbers are drawn from the parcels' ids, series after series. A postal operator that gives a range of its own is
better served by a carrier that knows its terms (docs/carriers.md).
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from packhouse.carriers import (
    PDF,
    AnnouncedParcel,
    Announcement,
    Consignment,
    Document,
    Option,
    Rejected,
    TrackingEvent,
    lettering,
    no_such_option,
    serials,
)
from packhouse.carriers.destinations import BY_POST
from packhouse.kit import errors
from packhouse.kit.data import places
from packhouse.kit.messages import message
from packhouse.printing import customs, printers


class _Service(NamedTuple):
    """`letter` is the first of the S10 service indicator; a packet is letter post and takes a CN22 up to its limit."""

    name: str
    letter: str
    max_weight_kg: Decimal
    is_letter_post: bool
    features: dict[str, bool]


_COMMON = {"multicollo": True, "last_mile": "home_delivery"}

_SERVICES = {
    "post:packet": _Service(message("Small packet"), "L", Decimal(2), True, {}),
    "post:packet/signature=true": _Service(
        message("Small packet, registered"), "R", Decimal(2), True, {"signature": True}
    ),
    "post:parcel": _Service(message("Parcel"), "C", Decimal(30), False, {}),
    "post:parcel/signature=true": _Service(message("Parcel, insured"), "V", Decimal(30), False, {"signature": True}),
    "post:express": _Service(message("Express"), "E", Decimal(30), False, {}),
    "post:return": _Service(message("Return parcel"), "C", Decimal(30), False, {"returns": True}),
}
"""Letters as UPU S10b gives them: L letter-post express, R registered, C parcels, V insured parcels, E EMS."""


class Post:
    code = "post"
    name = message("Post")
    has_tracking = False

    def options(self) -> Sequence[Option]:
        return [
            Option(code, service.name, self.code, BY_POST, service.max_weight_kg, {**_COMMON, **service.features})
            for code, service in _SERVICES.items()
        ]

    async def announce(self, consignment: Consignment) -> Announcement:
        """Raises Rejected also if the order lacks something that a customs declaration needs, and names all of it at
        once."""
        service = _SERVICES.get(consignment.option_code)
        if service is None:
            raise no_such_option(consignment.option_code)
        leaves = places.leaves_customs_union(consignment.sender.place, consignment.recipient.place)
        if leaves and (faults := customs.find_missing(consignment)):
            raise Rejected(faults)
        lettering.require_drawable(consignment, with_items=leaves)
        numbers = _to_numbers(consignment, service)
        numbered = replace(
            consignment,
            parcels=[replace(p, tracking_number=n) for p, n in zip(consignment.parcels, numbers, strict=True)],
        )
        faces = [(self.name, service.name, service.letter, "code-128", n, _to_shown(n)) for n in numbers]
        labels = await printers.run("labels", numbered, faces)
        papers = await _print_papers(numbered, service) if leaves else [[] for _ in numbers]
        return Announcement(
            [
                AnnouncedParcel(number, None, [Document("label", "a6", PDF, label), *more])
                for number, label, more in zip(numbers, labels, papers, strict=True)
            ]
        )

    async def cancel(self, consignment: Consignment) -> None:
        """Nothing was announced to anybody, so nothing has to be cancelled."""

    async def track(self, consignment: Consignment) -> Sequence[TrackingEvent]:  # noqa: ARG002
        return ()


def _to_numbers(consignment: Consignment, service: _Service) -> list[str]:
    country = consignment.sender.country_code
    try:
        return [serials.to_s10(service.letter, country, parcel.id) for parcel in consignment.parcels]
    except ValueError as error:
        raise Rejected(
            [errors.ErrorItem("invalid", message("No S10 number can be given: {error}.", error=error))]
        ) from error


def _to_shown(number: str) -> str:
    """Group a number for people as the standard does: `RR 473 124 829 GB`."""
    return " ".join((number[:2], number[2:5], number[5:8], number[8:11], number[11:]))


async def _print_papers(consignment: Consignment, service: _Service) -> list[list[Document]]:
    """Print a declaration for each parcel; the invoice goes with the first one."""
    invoice = await printers.run("invoice", consignment)
    made = []
    for index, parcel in enumerate(consignment.parcels):
        is_small = service.is_letter_post and customs.may_use_cn22(parcel)
        small = is_small and await printers.run("fits-cn22", parcel)
        declaration = await printers.run("declaration", consignment, parcel, small)
        papers = [Document("customs-declaration", "a6" if small else "a4", PDF, declaration)]
        made.append([*papers, *([Document("commercial-invoice", "a4", PDF, invoice)] if index == 0 else [])])
    return made
