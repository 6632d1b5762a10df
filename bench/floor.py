"""The web floor: what the HTTP server can do when nothing is behind it.

The same uvicorn with the same options as `packhouse serve`, and an application of twenty lines that looks the path up
in a dictionary.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from packhouse.cli import interpreter, serve


def make_app(answers: Mapping[str, bytes]) -> ASGIApp:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        body = answers.get(scope["path"], b"")
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200 if body else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def main(path: str) -> None:
    answers = {where: body.encode() for where, body in orjson.loads(Path(path).read_bytes()).items()}
    listener = serve.bind("127.0.0.1", 0)
    sys.stdout.write(orjson.dumps({"url": serve.to_url(listener, "127.0.0.1")}).decode() + "\n")
    sys.stdout.flush()
    interpreter.tune()
    config = uvicorn.Config(
        make_app(answers),
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
