"""Packhouse against the physical limit of the machine it runs on (docs/benchmarks.md)."""
