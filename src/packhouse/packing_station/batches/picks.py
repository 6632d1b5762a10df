"""What a batch needs, bin by bin: each article once, with the places on the cart that it goes to."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from packhouse.orders import contents
from packhouse.packing_station import bins


class Pick(NamedTuple):
    """`places` are pairs of a place on the cart and how many pieces go there."""

    bin: str
    sku: str
    name: str
    quantity: int
    places: tuple[tuple[int, int], ...]


def find_picks(placed: Sequence[tuple[int, Mapping[str, Any]]], known: Mapping[str, str]) -> list[Pick]:
    """Articles in the order in which one walks by them. `placed` are places on the cart with their orders, `known` is
    what `bins.read_bins` found."""
    found: dict[tuple[str, str, str], dict[int, int]] = {}
    for position, order in placed:
        for item in contents.list_goods(order):
            key = (bins.find_bin(item, known), str(item.get("sku") or ""), str(item["name"]))
            counts = found.setdefault(key, {})
            counts[position] = counts.get(position, 0) + int(item["quantity"])
    picks = [Pick(*key, sum(counts.values()), tuple(sorted(counts.items()))) for key, counts in found.items()]
    return sorted(picks, key=lambda pick: (bins.to_key(pick.bin), pick.sku.casefold(), pick.name))


def to_places(pick: Pick) -> str:
    """Write each place, and how many pieces where it is more than one."""
    return ", ".join(f"{position} × {count}" if count > 1 else str(position) for position, count in pick.places)
