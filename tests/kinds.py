"""Which kind of test is which: `make check` leaves those out that take long, `make test` runs all."""

from typing import Any

# A folder, or a file, of tests that start servers, browsers and other programs.
PROCESSES = (
    "tests/browser/",
    "tests/cli/test_progress.py",
    "tests/cli/test_serve.py",
    "tests/cli/test_workers.py",
    "tests/client/",
    "tests/concurrency/",
    "tests/contract/test_bodies.py",
    "tests/docs/test_examples.py",
    "tests/operations/",
    "tests/outages/",
    "tests/sandbox/",
    "tests/shipping/test_kill.py",
    "tests/testing/",
    "tests/test_components.py",
    "tests/webhooks/test_kill.py",
    "tests/worker/test_worker_process.py",
)
STARTING = {"both", "browser", "cluster", "desk", "pooler", "server"}
# Many examples, or many packages.
THOROUGH = ("tests/kit/test_upgrades.py", "tests/shipping/carriers/", "tests/web/test_languages.py")


def list_marks(item: Any) -> list[str]:
    """What is known of a test without running it."""
    marks = []
    fixtures = set(item.fixturenames)
    values = getattr(item, "callspec", None)
    if "postgresql" in (values.params.values() if values else ()) or "postgres" in fixtures:
        marks.append("postgresql")
    if item.nodeid.startswith(PROCESSES) or fixtures & STARTING:
        marks.append("processes")
    if item.nodeid.startswith(THOROUGH) or getattr(item.obj, "is_hypothesis_test", False):
        marks.append("thorough")
    return marks
