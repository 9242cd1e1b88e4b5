"""The most certain mistakes and successes of a run, for its report: with heat maps if the run has a gallery."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import pandas as pd

from pxr_tf import rundir
from pxr_tf.galleries.cases import RIGHT, WRONG, choose_cases
from pxr_tf.galleries.request import FOLDER
from pxr_tf.galleries.state import read_about
from pxr_tf.galleries.tables import EXPLAINED_TABLE
from pxr_tf.pictures.store import load_pictures
from pxr_tf.report.page.facts import Cases
from pxr_tf.report.page.parts import Picture
from pxr_tf.runs.finished import FinishedRun

MOST = 16  # mistakes, and as many successes: 32 heat maps take 0.5 MB
SIDE, QUALITY = 224, 85  # pixels and JPEG quality of a plain picture


def find_cases(run: FinishedRun) -> Cases:
    """Return the pictures of the run's gallery, or plain ones from its cache; none if neither has them."""
    table = _read_gallery(run)
    heat_maps = table is not None
    if table is None:
        table = _plain_cases(run)
    pictures = _embed_thumbnails(run, table) if heat_maps else _embed_plain(run, table)
    found = {}
    for group in (WRONG, RIGHT):
        rows = table[(table.group == group) & table.image_id.isin(pictures)]
        rows = rows.sort_values("p_predicted", ascending=False, kind="stable").head(MOST)
        found[group] = [_show(row, pictures[row.image_id], heat_maps) for row in rows.itertuples()]
    return Cases(found[WRONG], found[RIGHT], heat_maps)


def _read_gallery(run: FinishedRun) -> pd.DataFrame | None:
    """Return a row per picture of the run's own gallery; None without a finished one."""
    folder = run.folder / FOLDER
    if not read_about(folder).get("key") or not (folder / EXPLAINED_TABLE).is_file():
        return None
    table = pd.read_csv(folder / EXPLAINED_TABLE, keep_default_na=False, dtype={"fold": str}).drop_duplicates(
        "image_id"
    )
    return table if table.group.isin([RIGHT, WRONG]).any() else None


def _plain_cases(run: FinishedRun) -> pd.DataFrame:
    chosen = choose_cases(run, max(1, MOST // len(run.recipe.classes)))
    return chosen.assign(p_predicted=[max(values) for values in chosen.prediction])


def _embed_thumbnails(run: FinishedRun, table: pd.DataFrame) -> dict[str, str]:
    files = {row.image_id: run.folder / FOLDER / row.thumbnail for row in table.itertuples()}
    return {name: _as_uri(file.read_bytes()) for name, file in files.items() if Path(file).is_file()}


def _embed_plain(run: FinishedRun, table: pd.DataFrame) -> Mapping[str, str]:
    """Return image id -> picture as the network saw it; pictures that are no longer in the cache are left out."""
    stored = load_pictures(run.cache, run.preparation)
    found = {}
    for row in table.itertuples():
        if row.content in stored.rows:
            picture = stored.pixels[stored.rows[row.content]]
            side = min(SIDE, len(picture))
            shrunk = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
            found[row.image_id] = _as_uri(
                cv2.imencode(".jpg", shrunk, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
            )
    return found


def _as_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _show(row: NamedTuple, source: str, heat_map: bool) -> Picture:
    what = f"predicted {row.predicted} {row.p_predicted:.2f}, true class {row.label}"
    over = " with a heat map" if heat_map else ""
    place = f"{rundir.fold_name(row.fold)}, {row.image_id}"
    return Picture(source, f"X-ray{over}: {what}", f"{what}; {place}", row.label == row.predicted)
