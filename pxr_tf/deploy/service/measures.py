"""What the service counts, for Prometheus. Nothing here is about a single picture."""

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pxr_tf.deploy.service.engine import Engine, Looked

if TYPE_CHECKING:
    from pxr_tf.deploy.service.guard import Guard

PATHS = ("/", "/v1/predict", "/v1/model", "/healthz", "/metrics", "/openapi.json")  # others are counted together
SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60)


class Measures:
    """The counters of one service."""

    def __init__(self, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        self.guard: Guard | None = None
        self._requests = Counter(
            "pxr_requests", "Requests that were let in, by status.", ["path", "status"], registry=self.registry
        )
        self._pictures = Counter(
            "pxr_pictures", "Pictures, by what became of them.", ["outcome"], registry=self.registry
        )
        for outcome in ("answered", "refused", "unreadable"):
            self._pictures.labels(outcome)
        self._seconds = Histogram(
            "pxr_answer_seconds", "From a whole request to its answer.", registry=self.registry, buckets=SECONDS
        )
        inside = Gauge("pxr_requests_inside", "Requests that wait or are answered.", registry=self.registry)
        inside.set_function(lambda: self.guard.inside if self.guard else 0)
        lost = Gauge("pxr_decoders_lost", "Decoders that ended or took too long.", registry=self.registry)
        lost.set_function(lambda: engine.decoders.lost)

    def count(self, one: Looked) -> None:
        """Count a picture."""
        self._pictures.labels("answered" if one.answer else "refused" if one.reason else "unreadable").inc()

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an application that counts and times the requests to another one."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, path = time.perf_counter(), scope["path"] if scope["path"] in PATHS else "other"

            async def counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._requests.labels(path, message["status"]).inc()
                    if scope["method"] == "POST":
                        self._seconds.observe(time.perf_counter() - began)
                await send(message)

            await app(scope, receive, counted)

        return measured
