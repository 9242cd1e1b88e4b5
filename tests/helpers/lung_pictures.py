"""Phantoms with exact lung masks, as files, and a lung source that counts its calls."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pxr_tf.data.patients import add_content
from pxr_tf.lungs.find import Lungs
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.lung_source import LungSource, open_source

WIDTH, HEIGHT = 120, 96  # pixels: not square, so that swapped sides are noticed


def write_chests(folder: Path, numbers: range) -> pd.DataFrame:
    """Write ``images/<n>.png`` and ``masks/<n>.png`` for each number; return their rows."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows = []
    for number in numbers:
        chest = draw_phantom(number, 0, "normal", WIDTH)
        path = folder / "images" / f"{number}.png"
        Image.fromarray(chest.image[:HEIGHT]).save(path)
        Image.fromarray(chest.lungs[:HEIGHT] * np.uint8(255)).save(folder / "masks" / path.name)
        rows.append({"image_id": f"test/{number}", "path": str(path), "label": "normal"})
    return add_content(pd.DataFrame(rows))


def read_mask(path: str) -> np.ndarray:
    """Return the exact lungs of a picture that `write_chests` wrote, bool."""
    return np.asarray(Image.open(path.replace("/images/", "/masks/"))) > 127


def given_lungs(table: pd.DataFrame, masks: str = "data") -> LungSource:
    """Return the lung source that reads the masks of these files."""
    return open_source("builtin", masks, table, Path("nowhere"))


@dataclass
class Counting:
    """A lung source that records the requested paths, and stops the test after `last` of them."""

    source: LungSource
    last: float = float("inf")
    asked: list[str] = field(default_factory=list)
    lowest_confidence: float = 0.5

    @property
    def identity(self) -> str:
        return self.source.identity

    def kept_under(self, side: int) -> str:
        return self.source.kept_under(side)

    def with_keys(self, table: pd.DataFrame) -> pd.DataFrame:
        return self.source.with_keys(table)

    def find(self, path: str) -> Lungs:
        if len(self.asked) >= self.last:
            raise KeyboardInterrupt
        self.asked.append(path)
        return self.source.find(path)
