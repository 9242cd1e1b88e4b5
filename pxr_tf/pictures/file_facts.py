"""What files say about themselves, as numbers: no pixel is looked at."""

import numpy as np
import pandas as pd

from pxr_tf.files import open_regular
from pxr_tf.pictures.decode import SIGNATURES
from pxr_tf.pictures.survey import with_headers
from pxr_tf.sets.file_kinds import JPEG

FACTS = ("bytes_per_pixel", "width", "height", "colour_mode", "tables", "brightness_steps", "colour_steps")


def read_file_facts(table: pd.DataFrame) -> pd.DataFrame:
    """Return `FACTS` of each file, float64, in the order of the table, which has ``path``.

    Width and height are in pixels. The colour mode is the number of its name among those of the table, sorted. A JPEG
    has one to four quantisation tables; the mean of a table's 64 steps says how coarse the file is. A file without
    tables has 0 of them, and an unreadable one has -1 everywhere.
    """
    read = with_headers(table)
    facts = read[["bytes_per_pixel", "width", "height"]].astype("Float64")
    facts["colour_mode"] = pd.factorize(read.colour_mode.fillna(""), sort=True)[0]
    facts[["tables", "brightness_steps", "colour_steps"]] = [_read_steps(path) for path in table.path]
    return facts.astype("Float64").fillna(-1).astype(np.float64).reset_index(drop=True)


def _read_steps(path: str) -> tuple[float, float, float]:
    """Return the number of quantisation tables, and the mean step of the first and of the second."""
    try:
        with open_regular(path) as file:
            if file.read(len(JPEG)) != JPEG:
                return 0.0, 0.0, 0.0
            file.seek(0)
            tables = list(SIGNATURES[JPEG](file).quantization.values())
    except Exception:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, …
        return -1.0, -1.0, -1.0
    steps = [float(np.mean(table)) for table in tables[:2]]
    return float(len(tables)), *steps, *[0.0] * (2 - len(steps))
