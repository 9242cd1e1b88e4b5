"""Predicted pictures as a file: CSV, Parquet, JSON or JSON lines."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError, shown
from pxr_tf.inference.likeness import UNLIKE
from pxr_tf.inference.opinions import SETS
from pxr_tf.inference.predict import Predictions
from pxr_tf.inference.refusals import REFUSED
from pxr_tf.runs.finished import FinishedRun

PREDICTED = "predicted"  # the folder in the run directory for files that no option names
FORMATS = (".csv", ".parquet", ".json", ".jsonl")
NOTICE = "Research use only, not a medical device."
_DIGITS = 7  # of a probability: float32 has no more
_SHORT = 4  # bytes of a digest in a file's name
_LETTERS = 80  # of a name


def check_output(out: Path) -> None:
    """Raise `PxrError` if the ending of a file names no format, or if it cannot be written; write nothing."""
    if out.suffix.lower() not in FORMATS or out.is_dir():
        raise PxrError(f"--out received {shown(str(out), 80)}; accepted: a file that ends in {', '.join(FORMATS)}.")
    try:
        files.check_writable(out)
    except OSError as error:
        raise PxrError(
            f"{out} cannot be written ({error.filename}: {error.strerror}). Name another file (--out, OUT=...)."
        ) from error


def default_file(run: FinishedRun, pictures: Sequence[str], fold: str | None = None) -> Path:
    """Return ``predicted/<name of the first word>-<digest of all words and the fold>.csv`` in the run directory."""
    name = re.sub(r"[^\w.-]+", "-", Path(*pictures[:1]).resolve().name).strip(".-")[:_LETTERS] or "pictures"
    return run.results / PREDICTED / f"{name}-{files.digest(*pictures, fold, size=_SHORT)}.csv"


def write_predictions(found: Predictions, run: FinishedRun, out: Path) -> None:
    """Write the predictions whole or not at all, in the format of the file's ending."""
    kind = out.suffix.lower()
    if kind == ".csv":
        files.write_csv(out, flat_table(found))
    elif kind == ".parquet":
        with files.written_whole(out) as partial:
            flat_table(found).to_parquet(partial, index=False)
    else:
        with files.written_whole(out) as partial, open(partial, "w", encoding="utf-8") as file:
            file.writelines(_json_lines(found) if kind == ".jsonl" else _json_text(found, run))


def flat_table(found: Predictions) -> pd.DataFrame:
    """Return the columns of the CSV file, and of the Parquet file."""
    shares = [f"p_{name}" for name in found.classes]
    extra = _extra(found)
    sets = [name for name in found.table if name.startswith(SETS)]
    columns = ["image_id", "path", "predicted", *shares, *sets, "agreement", "models", "known", *extra, "fault"]
    return found.table[columns].astype({"models": "Int64"})


def _list_of(chosen: str) -> list[str]:
    """Return the classes of a set in its text form, ``{bacterial, viral}``."""
    return [name for name in chosen.strip("{}").split(", ") if name]


def _extra(found: Predictions) -> list[str]:
    """Return the columns that only some runs have: how unlike a picture is, and reasons and cautions in words."""
    return [name for name in (UNLIKE, REFUSED, "whole", "caution") if name in found.table]


def _json_lines(found: Predictions) -> Iterator[str]:
    for record in _records(found):
        yield json.dumps(record, ensure_ascii=False) + "\n"


def _json_text(found: Predictions, run: FinishedRun) -> Iterator[str]:
    """Yield an object with what holds for all pictures, and ``predictions``, a line each."""
    about = {
        "run": run.place,
        "classes": list(found.classes),
        "folds": list(found.folds),
        "temperature": found.temperature,
        "engine": found.engine,
        "warnings": [warning.text for warning in run.warnings],
        "notice": NOTICE,
    }
    yield json.dumps(about, ensure_ascii=False, indent=2)[:-2] + ',\n  "predictions": [\n'
    between = "    "
    for record in _records(found):
        yield between + json.dumps(record, ensure_ascii=False)
        between = ",\n    "
    yield "\n  ]\n}\n"


def _records(found: Predictions) -> Iterator[dict[str, Any]]:
    """Yield a picture's prediction as plain values; None for what an unreadable or refused picture lacks."""
    extra = _extra(found)
    for row in found.table.to_dict("records"):
        shares = {name: row[f"p_{name}"] for name in found.classes}
        sets = {name: row[name] for name in row if name.startswith(SETS)}
        good = row["predicted"] != ""
        yield {
            "image_id": row["image_id"],
            "path": row["path"],
            "predicted": row["predicted"] or None,
            "probabilities": {name: float(f"{share:.{_DIGITS}g}") for name, share in shares.items()} if good else None,
            **{name: _list_of(chosen) if good else None for name, chosen in sets.items()},
            "agreement": row["agreement"] if good else None,
            "models": int(row["models"]) if good else None,
            "known": row["known"] or None,
            **{name: None if row[name] == "" or pd.isna(row[name]) else row[name] for name in extra},
            "fault": row["fault"] or None,
        }
