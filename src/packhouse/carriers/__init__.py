"""The protocol that every carrier implements.

The types of its arguments and results are in `packhouse.consignment` and are exported here too, for carriers of your
own. `registry` finds the carriers; docs/carriers.md explains how to write one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from packhouse.consignment import (
    PDF,
    PNG,
    ZPL,
    Address,
    AnnouncedParcel,
    Announcement,
    Consignment,
    Contract,
    ContractField,
    Document,
    Money,
    Option,
    Parcel,
    Rate,
    TrackingEvent,
)
from packhouse.kit import errors
from packhouse.kit.messages import Message, message

__all__ = [
    "PDF",
    "PNG",
    "ZPL",
    "Address",
    "AnnouncedParcel",
    "Announcement",
    "Carrier",
    "Consignment",
    "Contract",
    "ContractField",
    "Document",
    "Money",
    "Option",
    "Parcel",
    "Rate",
    "Rejected",
    "TellsRates",
    "TellsServicePoints",
    "TestsConnection",
    "TrackingEvent",
    "Unreachable",
    "is_idempotent",
    "no_such_option",
    "worker_only",
]


class Rejected(Exception):
    """The carrier refuses, would refuse again, and has announced nothing. An error that can be fixed in the order
    points at its place there."""

    def __init__(self, faults: Sequence[errors.ErrorItem]) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = list(faults)


def no_such_option(code: str) -> Rejected:
    """Return the refusal of an option that the carrier does not have."""
    return Rejected(
        [errors.ErrorItem("invalid", message("There is no shipping option {option_code}.", option_code=code))]
    )


class Unreachable(Exception):
    """It is unknown whether the carrier accepted the request: try again later, with the same reference. `not_received`
    says that it certainly did not: the request never arrived or was turned away."""

    def __init__(self, detail: Message, *, not_received: bool = False) -> None:
        super().__init__(detail)
        self.not_received = not_received


class Carrier(Protocol):
    """Knows nothing of accounts and databases, keeps no state between calls, and is called side by side.

    A carrier of one's own has no tracking: `has_tracking` is False, `track` answers nothing, and people say what
    happened to a parcel. Making one contacts nobody, and neither does `options`. One that is heavy to load sets
    `worker_only`: then servers leave asking it to the workers, and wait. One that does not compare references
    sets `is_idempotent` to False: it is asked once, and where its answer is lost people are told of that instead. One
    whose contracts need credentials may name them as `contract_fields`, a sequence of `ContractField`. One that makes
    return labels has options with the feature `returns`; a consignment with such an option `is_return`.
    """

    @property
    def code(self) -> str:
        """What its option codes begin with."""

    @property
    def name(self) -> str: ...

    @property
    def has_tracking(self) -> bool: ...

    def options(self) -> Sequence[Option]: ...

    async def announce(self, consignment: Consignment, /) -> Announcement:
        """Register the shipment; the same `reference` again gives the same numbers where it `is_idempotent`. Raises
        Rejected, Unreachable."""

    async def cancel(self, consignment: Consignment, /) -> None:
        """Cancel an announced shipment; cancelling it twice is no error. Raises Rejected, Unreachable."""

    async def track(self, consignment: Consignment, /) -> Sequence[TrackingEvent]:
        """List everything that is known of the parcels, oldest first. Raises Unreachable."""


def worker_only(carrier: Carrier | None) -> bool:
    return bool(getattr(carrier, "worker_only", False))


def is_idempotent(carrier: Carrier) -> bool:
    return bool(getattr(carrier, "is_idempotent", True))


@runtime_checkable
class TellsServicePoints(Protocol):
    """A carrier that can list its service points."""

    async def list_service_points(self, country_code: str, contract: Contract | None, /) -> Sequence[Mapping[str, Any]]:
        """List all service points of a country, in the shape of `service_points.schema.ServicePoint`. Raises Rejected,
        Unreachable."""


@runtime_checkable
class TellsRates(Protocol):
    """A carrier that can tell what its options cost."""

    async def list_rates(self, consignment: Consignment, /) -> Sequence[Rate]:
        """List the prices of the options that the carrier would ship this with. Nothing is created. The consignment has
        only its contract, its parcels and the places of its addresses. Raises Rejected, Unreachable."""


@runtime_checkable
class TestsConnection(Protocol):
    """A carrier that can check the credentials of a contract with a request that changes nothing."""

    async def test_connection(self, contract: Contract, country_code: str, /) -> None:
        """Return if the carrier accepts the credentials; `country_code` is the country that the account sends from.
        Raises Rejected if it does not, and Unreachable."""
