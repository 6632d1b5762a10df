"""The garbage collector of a process that serves."""

import gc


def tune() -> None:
    """What is imported by now lives as long as the process: the collector need not look at it at every batch.

    A batch makes many objects without a circle among them, and at the usual threshold of 700 it is searched again and
    again while it is validated.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
