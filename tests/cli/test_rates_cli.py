"""Rate tables by the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.shipping.test_rates import CSV

pytestmark = pytest.mark.one_database


def test_rates_are_imported_and_listed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(CSV, "utf-8")
    command = f"shipping import-rates {file} --account owner --currency EUR --valid-from 2026-01-01"
    made = json.loads(run(f"{command} --json").stdout)
    assert (made["name"], made["valid_from"], made["rows"]) == ("rates", "2026-01-01", 7)
    listed = json.loads(run("shipping list-rates --account owner --json").stdout)
    assert listed == [{"id": made["id"], "name": "rates", "valid_from": "2026-01-01"}]
    assert run(f"{command.replace('01-01', '02-30')}").exit_code != 0
    assert run(f"shipping import-rates {tmp_path / 'none.csv'} --account owner --currency EUR").exit_code != 0
