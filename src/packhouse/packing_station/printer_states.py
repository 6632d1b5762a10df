"""What printers say of themselves, in the words of IPP (`printer-state-reasons`, RFC 8011): kept for each printer of a
bench, and told to who stands there."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, update

from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import Message, message
from packhouse.packing_station import queries, schema
from packhouse.packing_station.queries import Bench
from packhouse.packing_station.tables import benches, print_jobs

UNREACHABLE = "unreachable"
"""Our own word: the printer does not answer."""
AGENT_AWAY = "agent-away"
"""Our own word: a job waits, and nobody asked for it."""
MOST_REASONS, MOST_LENGTH = 8, 60
_AGENT_PATIENCE = timedelta(seconds=90)
_SEVERITIES = ("-error", "-warning")

# By how a reason begins: the first that fits.
_WORDS: tuple[tuple[tuple[str, ...], Message], ...] = (
    (("media-empty", "media-needed"), message("the paper is out")),
    (("media-jam", "jam"), message("the paper is jammed")),
    (("cover-open", "door-open", "interlock-open", "input-tray-missing"), message("it is open")),
    (("marker-supply-empty", "toner-empty", "marker-waste-full"), message("its ribbon or toner is used up")),
    (("offline", "shutdown", "connecting-to-device", "timed-out"), message("it is switched off or away")),
    (("paused", "moving-to-paused", "stopped", "stopping"), message("it is paused")),
    ((UNREACHABLE,), message("it does not answer")),
    ((AGENT_AWAY,), message("the print agent of the bench does not ask for its jobs")),
)
_HARMLESS = ("none", "-low", "-report")
"""How reasons end for which a printer prints all the same."""
_b, _j = benches.c, print_jobs.c


class Trouble(NamedTuple):
    """A printer of a bench that does not print, and why."""

    bench_id: int
    bench: str
    printer: str
    words: list[Message]


def to_reasons(told: Iterable[str]) -> list[str]:
    """The reasons for which a printer does not print, without their severity; empty where it does."""
    found = []
    for reason in told:
        plain = reason.strip().lower()[:MOST_LENGTH]
        for severity in _SEVERITIES:
            plain = plain.removesuffix(severity)
        if plain and not plain.endswith(_HARMLESS):
            found.append(plain)
    return list(dict.fromkeys(found))[:MOST_REASONS]


def to_words(reason: str) -> Message:
    for beginnings, words in _WORDS:
        if reason.startswith(beginnings):
            return words
    return message("it says “{reason}”", reason=reason)


async def keep(
    tx: Transaction, account_id: int, bench_id: int, printer: str, reasons: list[str], *, now: datetime
) -> bool:
    """Write down what a printer said; return whether that is news. Raises NotFound."""
    bench = await queries.get_bench(tx, account_id, bench_id, lock=True)
    known = dict(bench.printers)
    if known.get(printer, {}).get("reasons", []) == reasons:
        return False
    known[printer] = {"reasons": reasons, "at": now.isoformat()}
    mine = (_b.account_id == account_id, _b.id == bench_id)
    await tx.execute(update(benches).where(*mine).values(printers=orjson.dumps(known).decode()))
    return True


def find_troubles(bench: Bench, *, agent_is_away: bool) -> list[Trouble]:
    """The printers of a bench that do not print."""
    found = []
    for printer in schema.PRINTERS:
        reasons = list(_find_reasons(bench.printers, printer))
        if agent_is_away and bench.settings.printer(printer).way == "agent":
            reasons = [AGENT_AWAY]
        if reasons:
            found.append(Trouble(bench.id, bench.name, printer, [to_words(reason) for reason in reasons]))
    return found


def _find_reasons(printers: Mapping[str, Any], printer: str) -> list[str]:
    return list(printers.get(printer, {}).get("reasons", []))


async def list_troubles(tx: Reader, account_id: int, *, now: datetime) -> list[Trouble]:
    """List those of all benches, in two statements at any number of them."""
    away = await find_away(tx, account_id, now=now)
    found = await queries.list_benches(tx, account_id)
    return [trouble for bench in found for trouble in find_troubles(bench, agent_is_away=bench.id in away)]


async def find_away(tx: Reader, account_id: int, *, now: datetime) -> set[int]:
    """Ids of the benches whose agent leaves a job waiting and was not heard of for a while."""
    before = now - _AGENT_PATIENCE
    waits = (_j.account_id == account_id, _j.way == "agent", _j.state == "waiting", _j.created_at < before)
    unseen = _b.agent_seen_at.is_(None) | (_b.agent_seen_at < before)
    joined = print_jobs.join(benches, (_b.account_id == _j.account_id) & (_b.id == _j.bench_id))
    statement = select(_j.bench_id).select_from(joined).where(*waits, unseen).distinct()
    return set(await tx.fetch_values(statement))
