"""`python -m packhouse`, which is the command `packhouse`."""

import gc

# Importing makes many objects and hardly any garbage: looking for it took a fifth of the time.
gc.disable()

from packhouse.cli import main  # noqa: E402

gc.enable()

if __name__ == "__main__":
    main()
