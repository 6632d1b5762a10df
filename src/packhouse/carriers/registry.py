"""The carriers that are installed here.

Ours stand in `BUILT_IN`. Others plug in by an entry point of the group `packhouse.carriers`: its name is the carrier's
code, its object makes the carrier when called without arguments (a class will do). One that is installed under the
code of one of ours takes its place.
"""

from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import structlog

from packhouse.carriers import Carrier, karrio

GROUP = "packhouse.carriers"
BUILT_IN = {
    "house": "packhouse.carriers.house:House",
    "sendcloud": "packhouse.carriers.letter:Letter",
    "post": "packhouse.carriers.post:Post",
}
"""Code -> where it is made. A carrier's libraries are loaded with its first label, not with it."""

_log = structlog.get_logger()


def find_carriers() -> Sequence[Carrier]:
    """One of each. What cannot be loaded is left out and said in the log: the others must go on."""
    ours = {code: metadata.EntryPoint(code, place, GROUP) for code, place in BUILT_IN.items()}
    entries = ours | {entry.name: entry for entry in metadata.entry_points(group=GROUP)}
    made: dict[str, Carrier] = dict(karrio.find_installed())
    made |= {entry.name: carrier for entry in entries.values() if (carrier := _make(entry)) is not None}
    return list(made.values())


def _make(entry: metadata.EntryPoint) -> Carrier | None:
    """Whatever a stranger's package raises, it is its own fault and nobody else's."""
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
