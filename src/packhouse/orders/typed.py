"""What was typed into the search, as terms that there are: the text as a whole, or else its words, the last of which
may be a beginning, and any of which may have a wrong letter."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal_column, select, union_all

from packhouse.kit.db import Reader
from packhouse.orders import words
from packhouse.orders.tables import order_terms

LAST = "\U0010ffff"
"""Comes after every character: what begins with a text lies between the text and it."""

# Words of one search that are looked up; and so many rows of a term are counted to find the rarest.
_MOST_WORDS = 12
_MOST_COUNTED = 1_000
# Of a mistyped word so many real ones are taken.
_MOST_NEIGHBOURS = 20

_t = order_terms.c


class Sought(NamedTuple):
    """An order has one term of each group, and one that begins with `beginning` unless that is empty."""

    groups: Sequence[Sequence[str]]
    beginning: str


async def read(tx: Reader, account_id: int, text: str) -> Sought:
    """Resolve a text by at most four looks into the index, whatever the number of words."""
    if not words.fold(text):
        return Sought([], "")
    if whole := await find_present(tx, account_id, words.to_typed_forms(text)):
        return Sought([sorted(whole)], "")
    typed = list(dict.fromkeys(words.to_words(text)))[:_MOST_WORDS] or [words.fold(text)]
    present = await find_present(tx, account_id, typed)
    beginning = typed[-1] if typed[-1] not in present else ""
    if beginning and not await _is_beginning(tx, account_id, beginning):
        beginning = ""
    missing = [word for word in typed if word not in present and word != beginning]
    neighbours = {word: words.to_neighbours(word) for word in missing}
    near = await find_present(tx, account_id, {other for found in neighbours.values() for other in found})
    groups = [[word] for word in typed if word in present]
    groups += [[other for other in neighbours[word] if other in near][:_MOST_NEIGHBOURS] or [word] for word in missing]
    return Sought(groups, beginning)


async def find_present(tx: Reader, account_id: int, terms: Collection[str]) -> set[str]:
    """Find which of these terms any order has: a look into the index for each, however many orders have it."""
    return await tx.find_present(account_id, _t.term, sorted(terms))


async def _is_beginning(tx: Reader, account_id: int, text: str) -> bool:
    within = (_t.account_id == account_id, _t.term >= text, _t.term < text + LAST)
    return await tx.fetch_one(select(_t.id).where(*within).limit(1)) is not None


async def sort_by_rarity(tx: Reader, account_id: int, groups: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Put the group that the fewest orders have first: it leads, and the others are looked up for what it gives."""
    if len(groups) < 2:
        return list(groups)
    arms: list[Select[int, int]] = []
    for index, group in enumerate(groups):
        some = select(_t.id).where(_t.account_id == account_id, _t.term.in_(group)).limit(_MOST_COUNTED)
        total = func.count().label("total")
        place: ColumnElement[int] = literal_column(str(index))
        counted = select(place.label("place"), total)
        arms.append(counted.select_from(some.subquery(f"some_{index}")))
    totals = {row.place: row.total for row in await tx.fetch_all(union_all(*arms))}
    return [groups[place] for place in sorted(totals, key=lambda place: (totals[place], place))]
