"""What the bench makes of its rounds."""

from pathlib import Path

import pytest
from bench.report import Asked, Figure, to_lines

from bench import batches, limits, servers
from packhouse.kit import clock


def test_medians_count_and_the_ratio_is_ours_by_the_limit() -> None:
    figure = Figure("GET", "a second", [100, 900, 300], [1000, 1200, 50], Asked(0.25, at_least=True))
    assert (figure.value, figure.limit_value, figure.ratio, figure.verdict) == (300, 1000, 0.3, "ok")


@pytest.mark.parametrize(("bound", "at_least", "verdict"), [(4, False, "ok"), (4, True, "short"), (3, True, "ok")])
def test_a_figure_without_a_limit_is_held_to_its_bound_itself(bound: float, at_least: bool, verdict: str) -> None:
    assert Figure("start", "s", [3], (), Asked(bound, at_least)).verdict == verdict


def test_a_line_leaves_empty_what_is_not_known() -> None:
    assert to_lines([Figure("start", "s", [2.0, 3.0, 4.0])]) == [["start", "3 s", "33%", "", "", "", ""]]


def test_the_raw_limit_writes_the_columns_that_an_upsert_writes(tmp_path: Path) -> None:
    path = tmp_path / "raw.db"
    table = limits.RawTable(path)
    batch = next(batches.make_batches(servers.make_database(f"sqlite:///{path}")))
    for version in (1, 2):
        rows = limits.to_rows(batch, 1, version, clock.now())
        versions = [limits.to_versions(rows, version, clock.now())] if version > 1 else []
        assert table.time_batches([rows], versions) > 0
    table.close()
