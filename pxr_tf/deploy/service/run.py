"""Start the service: open its port, or say in one line why that is not possible."""

import asyncio
import os
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pxr_tf.deploy.service.app import make_app
from pxr_tf.deploy.service.engine import Engine
from pxr_tf.deploy.service.guard import Guard, Limits, is_loopback
from pxr_tf.errors import PxrError, shown

TOKEN = "PXR_TOKEN"  # the environment variable: on a command line, every user of the machine could read it
SHORTEST_TOKEN = 16  # letters
SILENT_SECONDS = 15  # until a connection must have sent the head of a request, or the rest of a refused one
CONNECTIONS = 512  # more are refused with 503
_BACKLOG = 128


class Impatient(H11Protocol):
    """Closes connections that send no request, or one byte at a time; uvicorn waits for them."""

    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Begin to wait if this is the start of another request, or the rest of a refused one."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(error)
        if self._clock is not None:
            self._clock.cancel()

    def _wait(self) -> None:
        if self._clock is None and self._lacks_request:
            self._clock = self.loop.call_later(SILENT_SECONDS, self._close)

    def _close(self) -> None:
        self._clock = None
        if self._lacks_request:
            self.transport.abort()

    @property
    def _lacks_request(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


def read_token(host: str) -> str | None:
    """Return the access token of the environment; raise `PxrError` if it is short, or missing and needed."""
    token = os.environ.get(TOKEN, "").strip()
    if not token and not is_loopback(host):
        raise PxrError(
            f"--host received {shown(host, 80)}, which other machines can reach, but {TOKEN} is not set. Accepted: an "
            f"access token of {SHORTEST_TOKEN} letters or more in the environment variable {TOKEN}. Set it, or leave "
            "--host out: then only this machine is answered."
        )
    if token and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise PxrError(
            f"{TOKEN} has {len(token)} letters. Accepted: {SHORTEST_TOKEN} or more printable ASCII letters. Make one: "
            "openssl rand -hex 32."
        )
    return token or None


def open_port(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; raise `PxrError` if it is in use or not allowed."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0].rstrip(".")
        raise PxrError(
            f"--host {host} --port {port} cannot be opened: {reason}. Accepted: an address of this machine and a free "
            "port. Choose another port (--port, PORT=...), or stop the program that uses it."
        ) from error


def serve(engine: Engine, limits: Limits, host: str, port: int, say: Callable[[str], None]) -> None:
    """Answer until the program is stopped; `say` gets the address once the models are loaded. Raises `PxrError`."""
    token = read_token(host)
    with open_port(host, port) as opened:
        guard = make_app(engine, limits, token=token, local=is_loopback(host) and token is None)
        asyncio.run(_answer(engine, uvicorn.Server(_config(guard)), opened, say))


async def _answer(engine: Engine, server: uvicorn.Server, opened: socket.socket, say: Callable[[str], None]) -> None:
    try:
        await engine.start()
        host, port = opened.getsockname()[:2]
        say(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        await server.serve([opened])
    finally:
        await engine.stop()


def _config(guard: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        guard,
        http=Impatient,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
    )
