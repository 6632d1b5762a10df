import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.shipping.test_service_points import CSV


@pytest.mark.one_database
def test_points_are_imported_and_the_demo_set_is_stored(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text(CSV, "utf-8")
    done = run(f"service-points import {file} --account owner --carrier house --json")
    assert json.loads(done.stdout) == {"stored": 5, "gone": 0}
    file.write_text("\n".join(CSV.splitlines()[:2]), "utf-8")
    done = run(f"service-points import {file} --account owner --carrier house --json")
    assert json.loads(done.stdout) == {"stored": 1, "gone": 4}
    assert json.loads(run("service-points demo --account owner --json").stdout)["stored"] > 50


@pytest.mark.one_database
def test_what_cannot_be_stored_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("a,b\n1,2\n", "utf-8")
    assert run(f"service-points import {file} --account owner").exit_code == 1
    done = run("service-points refresh post nl --account owner")
    assert done.exit_code == 1
    assert "does not provide its service points" in done.output
