"""From words to rows: the pictures that a user names, their patients, and the fold whose model is used for each."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from pxr_tf import rundir
from pxr_tf.config import Experiment
from pxr_tf.data import patients
from pxr_tf.data.manifest import MANIFEST_COLUMNS
from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.errors import PxrError, nearest, shorten, shown
from pxr_tf.events import OnEvent, emit_note
from pxr_tf.inference.copies import add_own
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.sets.any_pictures import list_pictures
from pxr_tf.sets.find import read_source
from pxr_tf.sets.rows import CLASS_ALIASES

SETS = (".csv", ".zip")  # the endings of data sets that are files
ASKED = "asked for"  # the group of pictures that a user named


def find_asked(
    run: FinishedRun, asked: Sequence[str], fold: str | None, on_event: OnEvent = lambda event: None
) -> pd.DataFrame:
    """Return the rows of the images asked for: image ids of the run, picture files, folders, data sets.

    A picture is recognised by what it shows (`copies`). Its fold is `fold` if given, else the fold that tested it, else
    the first. ``role`` is the picture's role in that fold, "" for an external picture. ``copy_of`` is the run's image
    that it copies, else "". ``label`` is "" if it is unknown. Notes say what in folders is not read. Raises `PxrError`.
    """
    known = run.manifest
    table = assign_folds(patients.add_content(list_asked(run, asked, on_event)), run, fold, on_event)
    label = look_up(known, "label", table).fillna(table.label)
    source = look_up(known, "source", table).fillna(table.source)
    name = look_up(known.assign(name=known.image_id), "name", table).fillna("")
    copied = name.where(name != table.image_id, "")
    return add_predictions(table.assign(label=label, source=source, group=ASKED, copy_of=copied), run)


def list_asked(
    run: FinishedRun, asked: Sequence[str], on_event: OnEvent = lambda event: None, option: str = "IMAGES"
) -> pd.DataFrame:
    """Return a row of the manifest's columns for each file asked for, each with a name of its own.

    Raises `PxrError`, which names the `option`, for a word that names nothing, and for two pictures with one name.
    """
    known = run.manifest[:0] if run.packed else run.manifest  # a bundle has no picture files
    if not asked:
        raise PxrError(f"{option} received nothing. Accepted: {_accepted(known)}.")
    rows = _rows(known, asked, run.recipe, option, on_event)
    table = _name_apart(pd.DataFrame(rows, columns=[*MANIFEST_COLUMNS]).drop_duplicates("path", ignore_index=True))
    twice = table.image_id[table.image_id.duplicated()]
    if len(twice):
        raise PxrError(f"Two pictures are named {shorten(twice, 3)}. Accepted: each name once. Rename one of them.")
    return table


def add_predictions(table: pd.DataFrame, run: FinishedRun) -> pd.DataFrame:
    """Return the rows with the run's own prediction of this file by this fold's model, from ``predictions.csv``.

    ``predicted`` is the class, "" if there is no such row; ``prediction`` has a probability per class, or is empty. A
    copy of other bytes has none, as its pixels differ.
    """
    names = [name for name in run.predictions if name.startswith("p_")]
    rows = run.predictions.merge(run.manifest[["image_id", "content"]], on="image_id")
    rows = rows.assign(prediction=list(rows[names].itertuples(index=False, name=None)))
    exact = table.assign(own=table.content)
    predicted, prediction = (look_up(rows, name, exact, "fold") for name in ("predicted", "prediction"))
    return table.assign(
        predicted=predicted.fillna(""), prediction=[found if isinstance(found, tuple) else () for found in prediction]
    )


def assign_folds(
    table: pd.DataFrame, run: FinishedRun, asked: str | None, on_event: OnEvent = lambda event: None
) -> pd.DataFrame:
    """Return the rows with ``fold``, whose model is used for them, ``role``, their role in that fold, and ``own``.

    A picture is recognised by what it shows (`copies.add_own`). Its fold is the one `asked` for, else the fold that
    tested it, else the first. Its role is "" if it has none there. Pictures of the run get the patients that the run
    found.
    """
    table = add_own(table, run, on_event)
    known, folds = run.manifest, [asked] if asked else list(run.folds)
    splits = run.splits[run.splits.fold.isin(folds)].assign(
        rank=lambda rows: rows.fold.map({fold: number for number, fold in enumerate(folds)}),
        tested=lambda rows: rows.role.isin(TEST_ROLES),
    )
    splits = splits[splits.tested | (splits["rank"] == 0)].sort_values(["tested", "rank"], ascending=[False, True])
    members = splits.merge(known[["image_id", "content"]], on="image_id")
    role = look_up(members, "role", table).where(lambda roles: ~roles.isin(TEST_ROLES), "test")
    return table.assign(
        fold=look_up(members, "fold", table).fillna(folds[0]),
        role=role.fillna(""),
        patient_id=look_up(known, "patient_id", table).fillna(table.patient_id),
    )


def look_up(known: pd.DataFrame, column: str, table: pd.DataFrame, *shared: str) -> pd.Series:
    """Return the known values for the table's rows: of the same image, else of the content ``own``, else missing.

    Only known rows with the same values of the columns `shared` count.
    """
    table = table.assign(content=table.own)
    itself, content = ["image_id", "content", *shared], ["content", *shared]
    found = [
        table[names].merge(known.drop_duplicates(names)[[*names, column]], on=names, how="left")[column].to_numpy()
        for names in (itself, content)
    ]
    return pd.Series(found[0], table.index).fillna(pd.Series(found[1], table.index))


def _rows(
    known: pd.DataFrame, asked: Sequence[str], experiment: Experiment, option: str, on_event: OnEvent
) -> Iterator[Mapping[str, str]]:
    ids = set(known.image_id)
    for word in map(os.path.expanduser, asked):
        if word in ids:
            yield known.loc[known.image_id == word, [*MANIFEST_COLUMNS]].iloc[0].to_dict()
            continue
        if os.path.isdir(word) or (os.path.isfile(word) and word.lower().endswith(SETS)):
            yield from _set_rows(word, experiment, option, on_event)
        elif os.path.isfile(word):
            yield _external(Path(word).name, os.path.abspath(word))
        else:
            raise PxrError(
                f"{option} received {shown(word, 80)}, which is not {'an image id in this run, ' if ids else ''}a file "
                "or a folder. "
                f"Accepted: {_accepted(known)}.{nearest(word, ids)}"
            )


def _accepted(known: pd.DataFrame) -> str:
    ids = f"image ids of the run's {rundir.MANIFEST}, such as {shorten(list(known.image_id)[:1])}, "
    return f"{ids if len(known) else ''}JPEG, PNG or DICOM files, folders of them, data sets"


def _set_rows(place: str, experiment: Experiment, option: str, on_event: OnEvent) -> Iterator[Mapping[str, str]]:
    """Yield a row per picture of a folder or table; in a known layout, labels are merged as in the run.

    A folder name that is not a known class is not used as a label.
    """
    merged = {label: name for name, labels in experiment.merge.items() for label in labels}
    labels = {"", *experiment.classes, *CLASS_ALIASES.values()}
    try:
        named, notes = list_pictures([place])
    except PxrError as error:  # which names the option of other commands
        raise PxrError(re.sub(r"^DATA\b", option, str(error))) from error
    for note in notes:
        emit_note(on_event, note)
    try:
        known = {row["path"]: row for row in read_source(place)[0]}
    except PxrError:  # no layout: pictures without labels
        known = {}
    for name, path in named.items():
        row = {**_external(name, path), **known.get(path, {})}
        label = merged.get(row["label"], row["label"])
        yield {**row, "label": label if label in labels else ""}


def _external(name: str, path: str) -> dict[str, str]:
    return {"image_id": name, "path": path, "label": "", "patient_id": name, "source": "", "official_split": ""}


def _name_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows; an external picture whose name is taken gets the shortest end of its path that differs."""
    parts = table.path.map(lambda path: Path(path).parts)
    names, depth = table.image_id.copy(), 1
    external = table.source == ""  # images of the run and of data sets keep their ids
    while (clash := external & names.duplicated(keep=False) & (parts.map(len) > depth)).any():
        depth += 1
        names[clash] = [Path(*path[-depth:]).as_posix() for path in parts[clash]]
    return table.assign(image_id=names, patient_id=table.patient_id.where(~external, names))
