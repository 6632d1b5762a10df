"""`python -m bench [--quick] [--only NAME] [--folder PATH]`. Speed is a figure, not a test: the exit code is 0."""

import argparse
import tempfile
import time
from pathlib import Path

from bench import measures, report
from packhouse.cli import interpreter


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Packhouse against the physical limit.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, in about a minute")
    parser.add_argument("--only", choices=measures.MEASURES, action="append", help="this measure; may be repeated")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; this checkout's without it")
    options = parser.parse_args()
    plan = measures.QUICK if options.quick else measures.Plan()
    interpreter.tune()
    began = time.perf_counter()
    figures = []
    # Not in /tmp, which may be memory: then a commit would cost nothing.
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder or Path.cwd()) as folder:
        for name in options.only or measures.MEASURES:
            print(f"measuring {name} …", flush=True)
            figures += list(measures.MEASURES[name](Path(folder), plan))
    print()
    report.show(figures)
    print(f"\nmedians of {plan.rounds} rounds and more, in {time.perf_counter() - began:.0f} s")


main()
