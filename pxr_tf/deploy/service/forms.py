"""Read a request's pictures from its body, which is in memory and stays there."""

import base64
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import pydantic
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from pxr_tf.deploy.service import answers
from pxr_tf.deploy.service.engine import Upload
from pxr_tf.deploy.service.guard import Limits, Refusal
from pxr_tf.errors import count_words

FORM, JSON = "multipart/form-data", "application/json"
FIELD = "pictures"
_NAME = 255  # letters of a name that are kept


class Sent(NamedTuple):
    """A request's pictures and its other fields."""

    pictures: list[Upload]
    fields: dict[str, str]

    @property
    def heat_map(self) -> bool:
        """Whether heat maps are asked for; raises `RefusedError` for other words than ``true`` and ``false``."""
        said = self.fields.get("heat_map", "false")
        if said.lower() not in ("true", "false"):
            raise RefusedError(422, f"heat_map received {said[:80]!r}; accepted: true or false.")
        return said.lower() == "true"


class RefusedError(Exception):
    """A request that cannot be read; it has the refusal."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.refusal = Refusal(status, text)


class InMemory(MultiPartParser):
    """Starlette's parser, which would write files above a megabyte to a disk."""

    spool_max_size = 2**62


async def read_sent(request: Request, limits: Limits) -> Sent:
    """Return the pictures of a request; raise `RefusedError`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        sent = await _read_form(request, limits)
    elif kind == JSON:
        sent = await _read_json(request)
    else:
        raise RefusedError(415, f"Content-Type received {kind[:80]!r}; accepted: {FORM} or {JSON}.")
    if not sent.pictures:
        raise RefusedError(422, f"No picture was sent. Accepted: 1 to {limits.pictures} files named {FIELD!r}.")
    if len(sent.pictures) > limits.pictures:
        received = count_words(len(sent.pictures), "picture")
        raise RefusedError(422, f"Received {received}; accepted: {limits.pictures} at once.")
    return sent


async def _read_form(request: Request, limits: Limits) -> Sent:
    body = await request.body()

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await InMemory(request.headers, stream(), max_files=limits.pictures, max_fields=32).parse()
    except MultiPartException as error:
        raise RefusedError(422, f"The form cannot be read: {error.message}") from error
    except (ValueError, LookupError, UnicodeError, AssertionError) as error:
        raise RefusedError(422, "The form cannot be read.") from error
    pictures, fields = [], {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            data = await value.read()
            await value.close()
            if name == FIELD and (data or value.filename):  # a form without a file sends an empty one without a name
                pictures.append(Upload((value.filename or "")[:_NAME], data))
        elif name != FIELD:
            fields[name] = value
    return Sent(pictures, fields)


async def _read_json(request: Request) -> Sent:
    try:
        asked = answers.Request.model_validate_json(await request.body())
    except pydantic.ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise RefusedError(422, f"{place[:200]}: {first['msg'][:300]}") from error
    pictures = [Upload(one.name, base64.b64decode(one.data)) for one in asked.pictures]
    return Sent(pictures, {"heat_map": str(asked.heat_map)})
