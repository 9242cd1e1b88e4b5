"""Measure the gate on real films: what it accepts, what it refuses, and what it takes for what. Prints tables.

python scripts/gate_truth.py RUN --data FOLDER [--others FOLDER]: FOLDER is that of the public sets (PXR_DATA). No film
is judged by a gate that was fitted on its patient. Takes half an hour on two slow cores.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf.evaluation.intervals import wilson_interval
from pxr_tf.inference import gate_fit
from pxr_tf.inference.gate import Gate
from pxr_tf.inference.gate_fit import Examples, Films, Given, fit_on, make_examples, read_films, read_given
from pxr_tf.inference.gate_negatives import MADE, make_negatives
from pxr_tf.pictures.decode import load_grey, load_prepared
from pxr_tf.runs.finished import FinishedRun, open_run
from pxr_tf.seeds import order_by_hash
from pxr_tf.sets.any_pictures import list_pictures
from pxr_tf.sets.find import read_source

OUTER = 3  # parts of the patients, each judged by a gate that was fitted on the others
NEGATIVES = 200  # made pictures of a kind whose share is 1, per outer part
ADULTS = "radiography_adults/COVID-19_Radiography_Dataset/Normal/images"  # a source that no gate was fitted on


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--others", type=Path, help="a folder of pictures of anything else")
    asked = parser.parse_args()
    run = open_run(asked.run)
    films = read_films(run)
    unseen = {"radiography_adults": load_films(asked.data / ADULTS)}
    unseen["covid-chestxray, other findings"] = load_other_findings(asked.data / "covid-chestxray-dataset", run)
    given, patients = read_not_frontal(asked.data / "not_frontal")
    others = load_films(asked.others) if asked.others else []
    show("Apart by patient", measure_apart(films, unseen, others))
    examples = make_examples(films)
    show("Given pictures, each patient left out in turn", leave_patients_out(examples, given, patients))
    show(
        "Given pictures, none of them given", judge_all(fit_on(examples), zip(given.kind, given.pictures, strict=True))
    )
    show("Each kind left out in turn", leave_kinds_out(examples, films))
    measure_times(fit_on(examples, given), asked.data)


def load_films(folder: Path) -> list[np.ndarray]:
    """Return all pictures of a folder as the gate is fitted on them."""
    return [load_prepared(path, gate_fit.FILM) for path in list_pictures([str(folder)])[0].values()]


def load_other_findings(folder: Path, run: FinishedRun) -> list[np.ndarray]:
    """Return the films of a data set whose patients the run does not have."""
    known = {*run.manifest.patient_id}
    rows = [row for row in read_source(folder, others=True)[0] if row["patient_id"] not in known]
    return [load_prepared(row["path"], gate_fit.FILM) for row in rows]


def read_not_frontal(folder: Path) -> tuple[Given, np.ndarray]:
    """Return the given pictures, and the patient of each."""
    table = pd.read_csv(folder / "files.csv", dtype=str)
    paths = {(folder / path).name: patient for path, patient in zip(table.path, table.patient_id, strict=True)}
    names = list_pictures([str(folder)])[0].values()
    return read_given([str(folder)]), np.array([paths[Path(path).name] for path in names])


def measure_apart(films: Films, unseen: dict[str, list[np.ndarray]], others: list[np.ndarray]) -> pd.DataFrame:
    """Return what gates that were fitted on other patients say of films, of what is made of them, and of others."""
    order = {name: number % OUTER for number, name in enumerate(order_by_hash(set(films.patient), 1, "outer"))}
    part = np.array([order[name] for name in films.patient])
    found = []
    for number in range(OUTER):
        start = time.process_time()
        gate = fit_on(make_examples(Films(*(values[part != number] for values in films))))
        print(f"Fitted part {number} in {time.process_time() - start:.0f} s of processor time.", flush=True)
        mine = part == number
        own = [*films.pictures[mine], *(picture for pictures in unseen.values() for picture in pictures)]
        found += judge_rows(gate, zip(films.source[mine], films.pictures[mine], strict=True))
        mirrored = (
            (f"{name}, mirrored", film[:, ::-1])
            for name, film in zip(films.source[mine], films.pictures[mine], strict=True)
        )
        found += judge_rows(gate, mirrored)
        found += judge_rows(gate, ((name, picture) for name, _, picture in make_negatives(own, NEGATIVES, 7 + number)))
        if number == 0:  # one gate is enough for what no gate has seen
            found += judge_rows(gate, ((name, picture) for name, pictures in unseen.items() for picture in pictures))
            found += judge_rows(gate, (("other pictures", picture) for picture in others))
    return count(found)


def judge_rows(gate: Gate, pictures: Iterator[tuple[str, np.ndarray]]) -> list[tuple[str, str]]:
    """Return (what a picture is, what the gate takes it for)."""
    return [(str(name), gate.judge(np.ascontiguousarray(picture)).kind) for name, picture in pictures]


def judge_all(gate: Gate, pictures: Iterator[tuple[str, np.ndarray]]) -> pd.DataFrame:
    """Return the table of what one gate says of these pictures."""
    return count(judge_rows(gate, pictures))


def leave_patients_out(examples: Examples, given: Given, patients: np.ndarray) -> pd.DataFrame:
    """Return what is said of each patient's given pictures by a gate that was given those of the others."""
    found = []
    for patient in np.unique(patients):
        mine = patients == patient
        gate = fit_on(examples, Given(given.pictures[~mine], given.kind[~mine]))
        found += judge_rows(gate, zip(given.kind[mine], given.pictures[mine], strict=True))
    return count(found)


def leave_kinds_out(examples: Examples, films: Films) -> pd.DataFrame:
    """Return what is said of each made kind by a gate that was never shown it: how it judges what nobody thought of."""
    found = []
    made: dict[str, list[np.ndarray]] = {}
    for name, _, picture in make_negatives(films.pictures, NEGATIVES, 99):
        made.setdefault(name, []).append(picture)
    for name in MADE:
        kept = tuple(tuple(values[part[1] != name] for values in part) for part in examples.made)
        gate = fit_on(examples._replace(made=kept))
        found += judge_rows(gate, ((name, picture) for picture in made[name]))
    return count(found)


def count(found: list[tuple[str, str]]) -> pd.DataFrame:
    """Return a row per kind of picture: how many, the share that is accepted with its interval, what they look like."""
    table = pd.DataFrame(found, columns=["picture", "taken for"])
    rows = pd.crosstab(table.picture, table["taken for"])
    rows = rows.loc[table.picture.drop_duplicates()]
    accepted, all_of = rows.get("frontal", 0) / rows.sum(axis=1), rows.sum(axis=1)
    ends = [wilson_interval(share, number) for share, number in zip(accepted, all_of, strict=True)]
    rows.insert(0, "n", all_of)
    rows.insert(1, "accepted %", (100 * accepted).round(2))
    rows.insert(2, "95 % interval", [f"{100 * low:.1f} to {100 * high:.1f}" for low, high in ends])
    return rows


def measure_times(gate: Gate, data: Path) -> None:
    """Print the processor time that a picture takes, decoded and at full resolution."""
    pictures = [load_grey(path) for path in list_pictures([str(data / "chest_xray_fullres")])[0].values()]
    start = time.process_time()
    for picture in pictures:
        gate.judge(picture)
    spent = (time.process_time() - start) / len(pictures)
    print(
        f"{1000 * spent:.1f} ms of processor time for a picture of {np.mean([one.size for one in pictures]) / 1e6:.1f} "
        "million pixels"
    )


def show(title: str, table: pd.DataFrame) -> None:
    """Print a table with its title."""
    print(f"\n## {title}\n{table.to_string()}", flush=True)


if __name__ == "__main__":
    main()
