"""The installed carriers.

Ours are in `BUILT_IN`. Others plug in by an entry point of the group `packhouse.carriers`: its name is the carrier's
code, and calling its object without arguments makes the carrier (a class will do). A carrier with the code of one of
ours replaces it.
"""

from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import structlog

from packhouse.carriers import Carrier, karrio

GROUP = "packhouse.carriers"
BUILT_IN = {
    "house": "packhouse.carriers.house:OwnDelivery",
    "sendcloud": "packhouse.carriers.letter:Letter",
    "post": "packhouse.carriers.post:Post",
}
"""Code -> where it is made. A carrier's libraries are loaded with its first label, not with it."""

_log = structlog.get_logger()


def find_carriers() -> Sequence[Carrier]:
    """Make one of each. A carrier that cannot be loaded is left out and logged, so that the others go on."""
    ours = {code: metadata.EntryPoint(code, place, GROUP) for code, place in BUILT_IN.items()}
    entries = ours | {entry.name: entry for entry in metadata.entry_points(group=GROUP)}
    made: dict[str, Carrier] = dict(karrio.find_installed())
    made |= {entry.name: carrier for entry in entries.values() if (carrier := _make(entry)) is not None}
    return list(made.values())


def _make(entry: metadata.EntryPoint) -> Carrier | None:
    """Load a carrier. Its package may raise anything, which must not affect the others."""
    try:
        factory: Callable[[], Any] = entry.load()
        carrier: Carrier = factory()
        named = carrier.code
    except Exception as error:  # noqa: BLE001
        _log.error("carrier cannot be loaded", carrier=entry.name, error=repr(error))
        return None
    if named != entry.name:
        _log.error("carrier has another code than its entry point", carrier=entry.name, code=named)
        return None
    return carrier
