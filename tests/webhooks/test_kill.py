"""The worker is killed while it tells five receivers, three of them bad ones: nothing is lost, and what comes twice
comes under the same id. `python -m bench.kills` does it with 10,000 events and ten kills."""

from pathlib import Path

from bench import kills
from tests import forkserver

EVENTS, KILLS = 200, 4


def test_every_event_reaches_every_receiver(database_url: str, tmp_path: Path) -> None:
    result = kills.prove(database_url, tmp_path, EVENTS, KILLS, migrate=False, launch=forkserver.start)
    assert result.reached == [EVENTS] * len(kills.KINDS)
    assert result.strange == 0
