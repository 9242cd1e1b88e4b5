"""What stands before the service: who may ask, how often, how much, and how long. Bodies are read into memory only."""

import asyncio
import hmac
import ipaddress
import json
import math
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTE = 1_000_000
API = "/v1/"  # paths below it answer in JSON
OPEN = ("/healthz",)  # needs no token: it says nothing about the model
_ADDRESSES = 10_000  # whose rates are remembered

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Limits:
    """How much the service takes."""

    body: int = 64 * MEGABYTE  # bytes of a request: an uncompressed picture of 4k x 5k pixels and 16 bits has 40 MB
    pictures: int = 16  # in a request
    waiting: int = 64  # whole requests that wait or are answered
    memory: int = 512 * MEGABYTE  # bytes of all bodies together, whole or not
    rate: int = 50  # requests per second and address, and five times as many at once
    read_seconds: float = 30  # for a whole body
    answer_seconds: float = 120  # from the whole body to the answer


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    text: str
    headers: dict[str, str] = {}  # noqa: RUF012 - a named tuple's default is never changed


@dataclass
class Rates:
    """A bucket of permits for each address: `rate` are added per second, up to five seconds' worth."""

    rate: int
    now: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)  # address -> (permits, when)

    def wait_for(self, address: str) -> float:
        """Take a permit and return 0, or return the seconds until there is one."""
        full, moment = self.rate * 5.0, self.now()
        permits, since = self._buckets.pop(address, (full, moment))
        permits = min(full, permits + (moment - since) * self.rate)
        taken = permits >= 1
        self._buckets[address] = (permits - taken, moment)  # the address that asked last is last
        while len(self._buckets) > _ADDRESSES:
            self._buckets.pop(next(iter(self._buckets)))
        return 0.0 if taken else (1 - permits) / self.rate


class Guard:
    """An ASGI application around another one."""

    def __init__(
        self, app: ASGIApp, limits: Limits, token: str | None, *, show: Callable[[Refusal], Response], local: bool
    ) -> None:
        """Guard `app`. `show` makes a refusal's page; `local` refuses hosts other than this machine."""
        self._app, self._limits, self._token, self._show, self._local = app, limits, token, show, local
        self._rates, self._held = Rates(limits.rate), 0  # bytes of all bodies
        self.inside = 0  # whole requests that wait or are answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send, refusal = _with_headers(send), self._refuse(scope)
        if refusal is None and scope["method"] in ("POST", "PUT", "PATCH"):
            body = bytearray()
            try:
                refusal = await self._read(receive, body) or await self._answer(scope, body, send)
            except _GoneError:
                return
            finally:
                self._held -= len(body)
        elif refusal is None:
            await self._app(scope, _replay(b""), send)
        if refusal is not None:
            await self._respond(refusal, scope["path"])(scope, receive, send)

    async def _read(self, receive: Receive, body: bytearray) -> Refusal | None:
        """Read the whole body, or return why it is refused; a slow client takes no place from others."""
        limits = self._limits
        try:
            async with asyncio.timeout(limits.read_seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _GoneError
                    part, more = message.get("body", b""), message.get("more_body", False)
                    body += part
                    self._held += len(part)
                    if len(body) > limits.body:
                        return self._too_large()
                    if self._held > limits.memory:
                        return Refusal(429, "Too many large requests are being sent.", {"Retry-After": "5"})
        except TimeoutError:
            return Refusal(408, f"The request was not complete after {limits.read_seconds:g} seconds.", _CLOSE)
        return None

    async def _answer(self, scope: Scope, body: bytearray, send: Send) -> Refusal | None:
        if self.inside >= self._limits.waiting:
            return _FULL
        self.inside += 1
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                await self._app(scope, _replay(body), send)
        except TimeoutError:
            return Refusal(503, "The service is too busy. Send the request again.", {"Retry-After": "10"})
        finally:
            self.inside -= 1
        return None

    def _refuse(self, scope: Scope) -> Refusal | None:
        """Return why a request is not even read; None if it is."""
        headers = Headers(scope=scope)
        if self._local and not is_loopback(_host(headers.get("host", ""))):
            return Refusal(421, "This service answers on this machine only (localhost).")
        if headers.get("sec-fetch-site") == "cross-site" and scope["method"] != "GET":
            return Refusal(403, "Requests from pages of other sites are not answered.")
        if self._token is not None and scope["path"] not in OPEN and not _has_token(headers, self._token):
            return Refusal(
                401,
                "An access token is needed: Authorization: Bearer TOKEN, or the token as the password in a browser.",
                {"WWW-Authenticate": 'Basic realm="pxr", charset="UTF-8"'},
            )
        if scope["path"] in OPEN:
            return None
        wait = self._rates.wait_for(str((scope.get("client") or ("",))[0]))
        if wait:
            return Refusal(429, "Too many requests from this address.", {"Retry-After": str(math.ceil(wait))})
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._limits.body:
            return self._too_large()
        if self.inside >= self._limits.waiting and scope["method"] != "GET":
            return _FULL
        return None

    def _too_large(self) -> Refusal:
        most = self._limits.body // MEGABYTE
        return Refusal(413, f"The request is larger than {most} MB. Send fewer or smaller pictures.")

    def _respond(self, refusal: Refusal, path: str) -> Response:
        if path != "/":
            text = json.dumps({"detail": refusal.text})
            return Response(text, refusal.status, refusal.headers, "application/json")
        page = self._show(refusal)
        page.headers.update(refusal.headers)
        return page


_CLOSE = {"Connection": "close"}
_FULL = Refusal(429, "Too many requests are waiting.", {"Retry-After": "2"})


class _GoneError(Exception):
    """The client has closed the connection."""


def _replay(body: bytes | bytearray) -> Receive:
    """Return a `receive` that gives the whole body at once, and then waits, as a connection that stays open."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return pending.pop() if pending else {"type": "http.disconnect"}

    return receive


def _with_headers(send: Send) -> Send:
    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", [])}
            added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *(pair for pair in added if pair[0] not in given)]
        await send(message)

    return send_with


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(header: str) -> str:
    """Return a Host header's name without its port and without brackets."""
    name = header.rpartition(":")[0] if not header.endswith("]") and ":" in header else header
    return name.strip("[]").lower()


def _has_token(headers: Headers, token: str) -> bool:
    """Return whether a request has the token, as a bearer or as the password of any name."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = b64decode(given).decode().partition(":")[2]
        except ValueError:
            return False
    elif kind.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), token.encode())
