"""How the interpreter of a process that serves is set: its garbage collector, and its threads' turns."""

import gc
import sys

# As a rule the loop's thread keeps the interpreter for 5 ms when another waits for it. The one that writes to SQLite
# waits several times a transaction, and everybody who wants to write waits for that.
_TURN_SECONDS = 0.0002


def tune() -> None:
    """What is imported by now lives as long as the process: the collector need not look at it at every batch.

    A batch makes many objects without a circle among them, and at the usual threshold of 700 it is searched again and
    again while it is validated.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(_TURN_SECONDS)
