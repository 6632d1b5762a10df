"""Receivers of webhooks to send to: each in a process of its own, writing down what it takes, misbehaving as asked.

    python -m bench.receivers KIND FILE

prints its port and serves until killed. FILE gets the body of each event that it took, a line each, before it answers:
`fast` at once, `slow` after a while; `moody` answers 500 and `rude` drops the connection every other time that it sees
an event, and has not taken it then.
"""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import BinaryIO

SLOW_SECONDS = 0.05
KINDS = ("fast", "slow", "moody", "rude")

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nmoody"


class Receiver:
    def __init__(self, kind: str, taken: BinaryIO) -> None:
        self._kind = kind
        self._taken = taken
        self._seen: Counter[bytes] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await self._read_head(reader):
                body = await reader.readexactly(_find_length(head))
                if not await self._answer(body, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _read_head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """False ends the connection."""
        self._seen[body] += 1
        is_odd = self._seen[body] % 2 == 1
        if self._kind == "rude" and is_odd:
            return False
        if self._kind == "moody" and is_odd:
            writer.write(_FAILED)
            return True
        if self._kind == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        self._taken.write(body + b"\n")
        self._taken.flush()
        writer.write(_OK)
        await writer.drain()
        return True


def _find_length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.split(b"\r\n"))
    return next(int(value) for name, _, value in lines if name.lower() == b"content-length")


async def main(kind: str, path: str) -> None:
    with Path(path).open("ab") as taken:  # noqa: ASYNC230 - a file is the quickest book-keeping
        server = await asyncio.start_server(Receiver(kind, taken).serve, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
