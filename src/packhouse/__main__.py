"""`python -m packhouse`."""

from packhouse import cli

if __name__ == "__main__":
    cli.main()
