"""A small mail server on this machine that keeps what it is sent, and refuses what a test wants refused."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer:
    """`refuse` is what is answered to a recipient instead of 250; `seen` holds who signed in, and from whom to whom."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.seen: list[str] = []
        self.refuse = ""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(message_from_bytes(body[:-3].replace(b"\r\n", b"\n"), policy=policy.default))
            writer.write(self._answer(verb, line))
            if verb == "QUIT":
                break
        await writer.drain()
        writer.close()

    def _answer(self, verb: str, line: str) -> bytes:
        if verb == "EHLO":
            return b"250-here\r\n250 AUTH PLAIN\r\n"
        if verb == "AUTH":
            self.seen.append(base64.b64decode(line.split()[2]).decode().replace("\0", " ").strip())
            return b"235 in\r\n"
        if verb in ("MAIL", "RCPT"):
            self.seen.append(line.partition(":")[2].split()[0])
        if verb == "RCPT" and self.refuse:
            return f"{self.refuse}\r\n".encode()
        return b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n"


@contextmanager
def run_mail_server() -> Iterator[MailServer]:
    made = MailServer()
    loop = asyncio.new_event_loop()
    is_up = threading.Event()

    async def work() -> None:
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.port = server.sockets[0].getsockname()[1]
        made_stop.append(asyncio.Event())
        is_up.set()
        await made_stop[0].wait()
        server.close()
        await server.wait_closed()

    made_stop: list[asyncio.Event] = []
    thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
    thread.start()
    is_up.wait()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(made_stop[0].set)
        thread.join()
        loop.close()
