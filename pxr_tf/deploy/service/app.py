"""The service as an ASGI application: two pages' worth of paths, their answers, and their description (OpenAPI)."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pxr_tf.deploy.service import answers, pages
from pxr_tf.deploy.service.answers import Answered, Health, ModelFacts, Problem, Result, result_of
from pxr_tf.deploy.service.decoders import LostError
from pxr_tf.deploy.service.drawn import to_png
from pxr_tf.deploy.service.engine import Engine, Looked
from pxr_tf.deploy.service.forms import FIELD, FORM, JSON, RefusedError, Sent, read_sent
from pxr_tf.deploy.service.guard import Guard, Limits, Refusal
from pxr_tf.deploy.service.measures import Measures
from pxr_tf.galleries.overlay import fade
from pxr_tf.inference.predictions_file import NOTICE

ASSETS = {"page.css": "text/css", "page.js": "text/javascript"}
_AGAIN = {"Retry-After": "1"}
_TOKEN = HTTPBearer(auto_error=False, scheme_name="token")  # for the description: the guard checks it


def make_app(engine: Engine, limits: Limits, *, token: str | None = None, local: bool = True) -> Guard:
    """Return the guarded application; it loads the models when it starts."""
    measures = Measures(engine)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        await engine.start()
        yield
        await engine.stop()

    app = FastAPI(
        title="pxr_tf",
        version=version("pxr_tf"),
        description=f"Classes of chest X-rays, by a trained model. {NOTICE} Nothing that is sent is stored.",
        docs_url=None,  # its page loads scripts from another site
        redoc_url=None,
        lifespan=living,
    )
    _add_paths(app, engine, limits, measures, [Depends(_TOKEN)] if token else [])
    _add_pages(app, engine, limits, measures)
    _add_errors(app)
    guard = Guard(measures.around(app), limits, token, show=lambda why: pages.refused(why, engine.run), local=local)
    measures.guard = guard
    return guard


def _add_paths(app: FastAPI, engine: Engine, limits: Limits, measures: Measures, secured: list[Any]) -> None:
    @app.post(
        "/v1/predict",
        response_model=Answered,
        dependencies=secured,
        responses=_problems(408, 413, 415, 422, 429, 503),
        openapi_extra={"requestBody": _request_body(limits)},
    )
    async def predict(request: Request) -> Answered:
        """Predict pictures: one probability per class for each, unless the gate refuses it."""
        sent = await read_sent(request, limits)
        looked = await look(engine, sent, measures, heat_map=sent.heat_map)
        return Answered(
            model=engine.run.place,
            calibrated=engine.resident.temperature is not None,
            warnings=[warning.text for warning in engine.warnings],
            results=[make_result(one) for one in looked],
        )

    @app.get("/v1/model", dependencies=secured, responses=_problems(429))
    async def model() -> ModelFacts:
        """Return the model's classes, preparation, warnings and audit."""
        return pages.describe(engine, limits)

    @app.get("/healthz")
    async def healthz() -> Health:
        """Return that the service answers: its models are loaded."""
        return Health()

    @app.get(
        "/metrics",
        response_class=Response,
        dependencies=secured,
        responses={200: {"content": {"text/plain": {}}}, **_problems(429)},
    )
    async def metrics() -> Response:
        """Return the counters of the service for Prometheus."""
        return Response(generate_latest(measures.registry), media_type=CONTENT_TYPE_LATEST)


def _add_pages(app: FastAPI, engine: Engine, limits: Limits, measures: Measures) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return pages.asking(engine, limits)

    @app.post("/", include_in_schema=False)
    async def answer(request: Request) -> HTMLResponse:
        try:
            sent = await read_sent(request, limits)
        except RefusedError as error:
            return pages.asking(engine, limits, error.refusal)
        return pages.answered(engine, limits, await look(engine, sent, measures, heat_map=True), sent.fields)

    for name, kind in ASSETS.items():
        content = Path(__file__).with_name(name).read_bytes()
        app.add_api_route(f"/{name}", _give(content, kind), include_in_schema=False)


async def look(engine: Engine, sent: Sent, measures: Measures, *, heat_map: bool) -> list[Looked]:
    """Return what is known about the pictures, and count them."""
    looked = await engine.look(sent.pictures, heat_map=heat_map)
    for one in looked:
        measures.count(one)
    return looked


def make_result(one: Looked) -> Result:
    """Return the public form of what became of an upload."""
    if one.answer is None:
        return Result(name=one.name, accepted=False, reason=one.reason or None, fault=one.fault or None)
    heat = (
        None if one.heat is None else base64.b64encode(to_png(fade(one.heat, len(one.prepared.pixels), signed=False)))
    )
    return result_of(one.name, one.answer, one.prepared.whole, heat and heat.decode())


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> JSONResponse:
        return _refuse(error.refusal)

    @app.exception_handler(LostError)
    async def lost(request: Request, error: LostError) -> Response:
        refusal = Refusal(503, f"The picture was not decoded: {error}. Send it again.", _AGAIN)
        if request.url.path == "/":
            return pages.refused(refusal, None)
        return _refuse(refusal)


def _refuse(refusal: Refusal) -> JSONResponse:
    return JSONResponse({"detail": refusal.text}, refusal.status, refusal.headers)


def _give(content: bytes, kind: str) -> Any:
    async def give() -> Response:
        return Response(content, media_type=kind)

    return give


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    said = {
        401: "The access token is missing or wrong.",
        408: "The request was not complete in time.",
        413: "The request is too large.",
        415: "The pictures come in another format than a form or JSON.",
        422: "The request has no picture, too many, or cannot be read.",
        429: "Too many requests; Retry-After has the seconds to wait.",
        503: "A picture was lost while it was decoded, or the service is too busy; send it again.",
    }
    return {code: {"model": Problem, "description": said[code]} for code in (401, *codes)}


def _request_body(limits: Limits) -> dict[str, Any]:
    """Return the description of the request's two formats."""
    schema = answers.Request.model_json_schema(ref_template="#/components/schemas/{model}")
    picture = schema.pop("$defs")["SentPicture"]
    schema["properties"]["pictures"] |= {"items": picture, "maxItems": limits.pictures}
    files = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
    form = {
        "type": "object",
        "required": [FIELD],
        "properties": {FIELD: files | {"maxItems": limits.pictures}, "heat_map": {"type": "boolean"}},
    }
    return {"required": True, "content": {FORM: {"schema": form}, JSON: {"schema": schema}}}
