"""From bytes to answers: decoders in processes of their own, the gate, and the models in one thread."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from pxr_tf import machine
from pxr_tf.data.findings import Finding
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.deploy.service.decoders import Decoders
from pxr_tf.evidence.operating import rates_at_thresholds
from pxr_tf.inference.gate import Gate, read_gate
from pxr_tf.inference.uploads import Answer, Prepared
from pxr_tf.runs.finished import FinishedRun

if TYPE_CHECKING:
    from pxr_tf.inference.resident import Resident

Made = TypeVar("Made")
_ERROR = 2  # the standard error
MOST_DECODERS = 4  # processes of 0.2 GB each; two at least, so that one is there if one is lost


class Upload(NamedTuple):
    """A picture as it was sent."""

    name: str
    data: bytes


class Looked(NamedTuple):
    """What became of an upload."""

    name: str
    fault: str = ""  # why it cannot be read
    reason: str = ""  # why the gate refused it
    prepared: Prepared | None = None
    answer: Answer | None = None
    heat: np.ndarray | None = None  # float32 [h, w]


class Engine:
    """A run that answers."""

    def __init__(self, run: FinishedRun, *, fold: str | None = None, atlas: str | None = None) -> None:
        """Prepare to load the run's models; `fold` chooses one of them."""
        self.run, self._fold = run, fold
        self.decoders = Decoders(run, max(2, min(MOST_DECODERS, machine.processors())), atlas)
        self._thread = ThreadPoolExecutor(1, "models")
        self.resident: Resident
        self.gate: Gate | None = None
        self.findings: tuple[Finding, ...] = ()
        self.warnings: tuple[RunWarning, ...] = ()

    async def start(self) -> None:
        """Load everything; raise `PxrError` if the run cannot be served."""
        await self.decoders.start()
        self.resident = await self._in_thread(load_resident, self.run, self._fold)
        self.gate, self.findings, self.warnings = read_gate(self.run), self.run.findings, self.run.warnings
        self.rates = rates_at_thresholds(self.run, self.resident.temperature)
        self.prevalences = self.rates.groupby("class", sort=False).prevalence.first().to_dict()

    async def stop(self) -> None:
        """End all processes and threads."""
        await self.decoders.stop()
        self._thread.shutdown(cancel_futures=True)

    async def look(self, uploads: Sequence[Upload], *, heat_map: bool) -> list[Looked]:
        """Return what is known about each picture; raise `LostError` if a decoder is lost."""
        return [await self._look(one, heat_map) for one in uploads]

    async def _look(self, upload: Upload, heat_map: bool) -> Looked:
        prepared = await self.decoders.prepare(upload.data)
        if isinstance(prepared, str):
            return Looked(upload.name, fault=prepared)
        return await self._in_thread(self._judge, upload.name, prepared, heat_map)

    def _judge(self, name: str, prepared: Prepared, heat_map: bool) -> Looked:
        """Ask the gate; if it accepts the picture, ask the models."""
        verdict = self.gate.judge(prepared.picture, prepared.says) if self.gate else None
        if verdict is not None and not verdict.accepted:
            return Looked(name, reason=f"The picture {verdict.reason}.", prepared=prepared)
        answer = self.resident.answer(prepared)
        heat = self.resident.explain(prepared, answer) if heat_map else None
        return Looked(name, prepared=prepared, answer=answer, heat=heat)

    async def _in_thread(self, function: Callable[..., Made], *arguments: object) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)


def load_resident(run: FinishedRun, fold: str | None) -> "Resident":
    """Return the run's models, ready to answer: loads TensorFlow, and answers once, which compiles everything."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it counts the compiled functions of the folds as a fault
    with _silent_libraries():
        import_module("pxr_tf.models.keras_settings").fix_keras()  # before anything imports Keras
        resident = import_module("pxr_tf.inference.resident").Resident(run, fold)
        size = run.recipe.image.size
        blank = np.zeros((size, size), np.uint8)
        nothing = Prepared("", blank, blank, np.zeros((32, 32), np.uint8), "", (), np.zeros((0, 0), bool))
        resident.explain(nothing, resident.answer(nothing))
    return resident


@contextmanager
def _silent_libraries() -> Iterator[None]:
    """Drop what is written to the standard error: TensorFlow names devices there that a machine lacks."""
    kept, nothing = os.dup(_ERROR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, _ERROR)
    try:
        yield
    finally:
        os.dup2(kept, _ERROR)
        os.close(kept)
        os.close(nothing)
