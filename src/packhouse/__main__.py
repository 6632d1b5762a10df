"""`python -m packhouse`."""

from packhouse.cli import main

main()
