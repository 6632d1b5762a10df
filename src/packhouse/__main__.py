"""`python -m packhouse`, which is the command `packhouse`."""

import gc

# Importing makes many objects and hardly any garbage: looking for it took a fifth of the time it takes to start. Which
# measure a process that serves has afterwards is said in cli/interpreter.py.
gc.set_threshold(50_000, 20, 100)

from packhouse.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
