"""The account's own delivery: a logistic label with the parcel's SSCC as GS1-128, and no carrier to contact."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

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
from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.printing import printers

_HEAVIEST = Decimal(1000)

_COMMON = {"multicollo": True, "last_mile": "home_delivery"}

_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "house:standard": (message("Own delivery"), {}),
    "house:standard/signature=true": (message("Own delivery, signed for"), {"signature": True}),
    "house:express": (message("Own delivery, express"), {"delivery_deadline": "nextday"}),
    "house:return": (message("Own collection of a return"), {"returns": True, "first_mile": "pickup"}),
}


_LETTERS = {"house:express": "X", "house:standard/signature=true": "S", "house:return": "R"}


class OwnDelivery:
    code = "house"
    name = message("Own delivery")
    has_tracking = False

    def options(self) -> Sequence[Option]:
        return [
            Option(code, name, self.code, max_weight_kg=_HEAVIEST, features={**_COMMON, **features})
            for code, (name, features) in _OPTIONS.items()
        ]

    async def announce(self, consignment: Consignment) -> Announcement:
        if consignment.option_code not in _OPTIONS:
            raise no_such_option(consignment.option_code)
        lettering.require_drawable(consignment)
        numbers = _to_numbers(consignment)
        service, _ = _OPTIONS[consignment.option_code]
        letter = _LETTERS.get(consignment.option_code, "H")
        faces = [(self.name, service, letter, "gs1-128", f"(00){n}", f"(00) {n}") for n in numbers]
        labels = await printers.run("labels", consignment, faces)
        made = [[Document("label", "a6", PDF, label)] for label in labels]
        return Announcement([AnnouncedParcel(n, None, documents) for n, documents in zip(numbers, made, strict=True)])

    async def cancel(self, consignment: Consignment) -> None:
        """Nothing was announced to anybody, so nothing has to be cancelled."""

    async def track(self, consignment: Consignment) -> Sequence[TrackingEvent]:  # noqa: ARG002
        return ()


def _to_numbers(consignment: Consignment) -> list[str]:
    prefix = consignment.gs1_prefix or serials.DEMONSTRATION_PREFIX
    try:
        return [serials.to_sscc(prefix, parcel.id) for parcel in consignment.parcels]
    except ValueError as error:
        raise Rejected([errors.ErrorItem("invalid", message("No SSCC can be given: {error}.", error=error))]) from error
