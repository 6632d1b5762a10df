"""A letter that is stamped by hand: an address label, with a number of ours to find it by."""

from collections.abc import Sequence
from decimal import Decimal

from packhouse.carriers import (
    PDF,
    AnnouncedParcel,
    Announcement,
    Consignment,
    Document,
    Option,
    TrackingEvent,
    lettering,
    no_such_option,
)
from packhouse.carriers.destinations import BY_POST
from packhouse.kit.messages import message
from packhouse.printing import printers

OPTION = "sendcloud:letter"
"""The code by which existing clients know the unstamped letter."""

_HEAVIEST = Decimal(2)
"""Kilograms: the heaviest letter-post item (Universal Postal Convention, article 17)."""


class Letter:
    code = "sendcloud"
    name = message("Letter post")
    has_tracking = False

    def options(self) -> Sequence[Option]:
        name, features = message("Unstamped letter"), {"multicollo": True, "form_factor": "letter"}
        return [Option(OPTION, name, self.code, countries=BY_POST, max_weight_kg=_HEAVIEST, features=features)]

    async def announce(self, consignment: Consignment) -> Announcement:
        if consignment.option_code != OPTION:
            raise no_such_option(consignment.option_code)
        lettering.require_drawable(consignment)
        numbers = [f"LT{parcel.id:012d}" for parcel in consignment.parcels]
        faces = [(self.name, "Unstamped letter", "L", "code-128", number, number) for number in numbers]
        labels = await printers.run("labels", consignment, faces)
        made = [[Document("label", "a6", PDF, label)] for label in labels]
        return Announcement([AnnouncedParcel(n, None, documents) for n, documents in zip(numbers, made, strict=True)])

    async def cancel(self, consignment: Consignment) -> None:
        """Nothing was announced to anybody, so nothing has to be cancelled."""

    async def track(self, consignment: Consignment) -> Sequence[TrackingEvent]:  # noqa: ARG002
        return ()
