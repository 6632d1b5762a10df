"""`python -m packhouse.health`: is the server on this machine well? For health checks, which come every few seconds.

It imports next to nothing, so it takes a fiftieth of what the command line takes to start.
"""

import socket
import sys

_SECONDS = 4


def main(words: list[str]) -> int:
    """The exit code: 0 where `GET /health` at `[HOST:]PORT` answers 200. Anything else is said on standard error.

    With `--during-upgrade`, a schema that is newer than the server is well too.
    """
    places = [word for word in words if not word.startswith("--")]
    host, _, port = (places[0] if places else "8000").rpartition(":")
    try:
        answer = _ask(host or "127.0.0.1", int(port))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"packhouse: {error}\n")
        return 1
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ", 2)[1:2] == [b"200"] or ("--during-upgrade" in words and b'"status":"newer"' in body):
        return 0
    sys.stderr.write(f"packhouse: {body.decode(errors='replace') or 'There was no answer.'}\n")
    return 1


def _ask(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
