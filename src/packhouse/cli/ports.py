"""Whether a port can be listened on, and the next one that can.

`make run` runs this file before anything is installed, so it imports the standard library alone.
"""

import errno
import socket
import sys

_LAST = 65535
_LOOKED_AT = 100


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen yet. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def find_free(host: str, after: int) -> int | None:
    for port in range(after + 1, min(after + _LOOKED_AT, _LAST) + 1):
        try:
            bind(host, port).close()
        except OSError:
            continue
        return port
    return None


def explain(host: str, port: int, error: OSError) -> str:
    """Return in one line why a port cannot be used, with the next free port if it is taken."""
    said = f"Cannot listen on {host} port {port}: {error.strerror}."
    free = find_free(host, port) if error.errno == errno.EADDRINUSE else None
    return said if free is None else f"{said} Port {free} is free."


def main(host: str, port: int) -> str | None:
    """The line to end with, where the port cannot be listened on."""
    try:
        bind(host, port).close()
    except OSError as error:
        return explain(host, port, error)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
