"""Deliveries a second of one worker to one fast receiver on this machine."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from bench import kills
from bench.report import Asked, Figure

_EVENTS = 3_000
_ASKED = 300


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """From the moment that the worker is ready until the last event was taken."""
    rates = [_time_round(folder / f"deliveries-{turn}") for turn in range(rounds)]
    yield Figure("deliveries to a fast receiver", "a second", rates, (), Asked(_ASKED, at_least=True))


def _time_round(folder: Path) -> float:
    folder.mkdir()
    taken, url = folder / "taken", f"sqlite:///{folder}/deliveries.db"
    with kills.run_receiver("fast", taken) as receiver:
        account_id = asyncio.run(kills.prepare(url, [receiver], migrate=True))
        asyncio.run(kills.note_events(url, account_id, _EVENTS))
        worker = kills.start_worker(url)
        began = time.perf_counter()
        kills.wait_until(lambda: taken.exists() and taken.read_bytes().count(b"\n") >= _EVENTS)
        took = time.perf_counter() - began
        kills.end(worker)
    return _EVENTS / took
