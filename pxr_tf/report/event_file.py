"""TensorBoard's event files, written without TensorFlow: the `tensorboard` package has their protocol buffers.

`tensorboard.summary.Writer` and ``tensorboard.plugins.hparams.api`` would import TensorFlow, which takes three seconds
and 400 MB. The command line avoids both: the modules used here import in 0.15 s.
"""

import io
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
from tensorboard.plugins.image import metadata as images
from tensorboard.plugins.scalar import metadata as scalars
from tensorboard.plugins.text import metadata as texts
from tensorboard.summary.writer.record_writer import RecordWriter

EVENTS = "events.out.tfevents."  # TensorBoard looks for "tfevents" in a file's name
_VERSION = "brain.Event:2"  # the first record of every event file


class EventFile:
    """A new event file in a folder. Each record can be read at once. Do not share it between threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads a folder's files in the order of their names.
        self._path = folder / f"{EVENTS}{time.time_ns()}"
        file = open(self._path, "wb")  # noqa: SIM115 - closed by `close`
        self._records = RecordWriter(file)
        self._write(Event(wall_time=time.time(), file_version=_VERSION))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Add one point of a curve."""
        self._add(name, step, scalars.create_summary_metadata("", ""), TensorProto(dtype=DT_FLOAT, float_val=[value]))

    def add_picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """Add a picture, uint8 [height, width] or [height, width, 3], as PNG."""
        height, width = pixels.shape[:2]
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, format="PNG")
        values = [str(width).encode(), str(height).encode(), png.getvalue()]  # the order that the plugin expects
        self._add(name, step, images.create_summary_metadata("", ""), _strings(values))

    def add_text(self, name: str, markdown: str) -> None:
        """Add a text in Markdown."""
        self._add(name, 0, texts.create_summary_metadata("", ""), _strings([markdown.encode()]))

    def add_hyperparameters(self, values: Mapping[str, object], trial: str) -> None:
        """Add the hyperparameters of a trial. Numbers and booleans keep their type; everything else becomes text."""
        start = SessionStartInfo(group_name=trial, start_time_secs=time.time())
        for name, value in values.items():
            if isinstance(value, bool):
                start.hparams[name].bool_value = value
            elif isinstance(value, int | float):
                start.hparams[name].number_value = value
            else:
                start.hparams[name].string_value = str(value)
        metadata = hparams.create_summary_metadata(HParamsPluginData(session_start_info=start))
        self._add(hparams.SESSION_START_INFO_TAG, 0, metadata, hparams.NULL_TENSOR)

    def close(self) -> None:
        """Close the file."""
        self._records.close()

    def discard(self) -> None:
        """Close the file and delete it."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _add(self, name: str, step: int, metadata: SummaryMetadata, tensor: TensorProto) -> None:
        value = Summary.Value(tag=name, metadata=metadata, tensor=tensor)
        self._write(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))

    def _write(self, event: Event) -> None:
        self._records.write(event.SerializeToString())
        self._records.flush()


def _strings(values: list[bytes]) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(values))])
    return TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=values)
