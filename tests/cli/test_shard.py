"""`packhouse shard`, as far as it goes without a cluster."""

import json

import pytest

from tests.cli.conftest import Run


@pytest.mark.one_database
def test_a_file_is_not_sharded(run: Run) -> None:
    done = run("shard")
    assert done.exit_code == 1
    assert "names a SQLite file" in done.output


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_dry_run_prints_all_and_changes_nothing(run: Run) -> None:
    nodes = "--add-node 10.0.0.2:5432 --add-node db-3:5433 --coordinator db-1:5432"
    first, second = (run(f"shard --dry-run --json {nodes}") for _ in range(2))
    sent = json.loads(first.stdout)
    assert sent["carried_out"] is False
    assert sent["statements"][1:4] == [
        "SELECT citus_set_coordinator_host('db-1', 5432);",
        "SELECT citus_add_node('10.0.0.2', 5432);",
        "SELECT citus_add_node('db-3', 5433);",
    ]
    assert second.stdout == first.stdout
    assert run(f"shard --dry-run {nodes}").stdout.splitlines() == sent["statements"]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_what_the_database_refuses_is_said(run: Run) -> None:
    """This one has no Citus to make an extension of."""
    done = run("shard --json")
    assert done.exit_code == 1
    assert "citus" in json.loads(done.stderr)["errors"][0]["detail"]


@pytest.mark.one_database
@pytest.mark.parametrize("place", ["node", "node:x", "a'b:1", ":5432"])
def test_a_node_is_a_host_and_a_port(run: Run, place: str) -> None:
    done = run(["shard", "--add-node", place])
    assert done.exit_code == 1
    assert "HOST:PORT" in done.output
