"""The check ``leaks`` finds what is planted in a run's tables: patients, files, copies, samples, epochs."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from pxr_tf import files
from pxr_tf.audit.gather import material_of_data, material_of_run
from pxr_tf.audit.leaks import check_leaks
from pxr_tf.executors.inline import Inline
from pxr_tf.runs.finished import open_run
from pxr_tf.sets.find import read_sources


def grades(run: Path) -> dict[str, str]:
    checked = check_leaks(material_of_run(open_run(run), Inline()))
    return {finding.subject: finding.grade for finding in checked.findings}


def change(run: Path, name: str, edit) -> None:
    table = pd.read_csv(run / name, dtype=str, keep_default_na=False)
    edit(table).to_csv(run / name, index=False)


def test_a_clean_run_passes(own_copy):
    found = grades(own_copy)
    assert {subject: grade for subject, grade in found.items() if grade != "passed"} == {"settings": "note"}
    assert {"patients", "files", "pictures", "copies", "samples"} <= set(found)


def test_a_patient_on_both_sides_is_critical(own_copy):
    change(own_copy, "manifest.csv", lambda table: table.assign(patient_id=table.label))
    assert grades(own_copy)["patients"] == "critical"


def test_the_same_file_in_training_and_test_is_critical(own_copy):
    change(own_copy, "manifest.csv", lambda table: table.assign(content=table.content[0]))
    found = grades(own_copy)
    assert found["files"] == "critical"
    assert found["copies"] == "warning"


def test_a_copy_of_other_bytes_is_found_by_what_it_shows(own_copy, tmp_path):
    splits = pd.read_csv(own_copy / "splits.csv", dtype=str)
    first = splits[splits.fold == "0"]
    tested, trained = (first.image_id[first.role.str.startswith(role)].iloc[0] for role in ("test", "train"))

    def copy(table: pd.DataFrame) -> pd.DataFrame:
        path = tmp_path / "copy.png"
        with Image.open(table.path[table.image_id == tested].item()) as picture:
            picture.resize((64, 64)).save(path)
        return table.assign(
            path=table.path.mask(table.image_id == trained, str(path)),
            content=table.content.mask(table.image_id == trained, files.digest_file(path)),
        )

    change(own_copy, "manifest.csv", copy)
    found = grades(own_copy)
    assert found["files"] == "passed"
    assert found["pictures"] in ("warning", "critical")


@pytest.mark.parametrize("fault", ["augmented", "repeated"])
def test_an_augmented_or_repeated_test_sample_is_critical(own_copy, fault):
    def plant(table: pd.DataFrame) -> pd.DataFrame:
        tests = table.index[table.role.str.startswith("test")]
        if fault == "augmented":
            return table.assign(copy=table["copy"].mask(table.index == tests[0], "1"))
        return pd.concat([table, table.loc[[tests[0]]]])

    change(own_copy, "samples.csv", plant)
    assert grades(own_copy)["samples"] == "critical"


def test_data_without_a_run_are_checked_between_their_official_parts(phantoms, tmp_path):
    table, _ = read_sources(phantoms)
    first = table.drop_duplicates("label").patient_id
    table["official_split"] = table.patient_id.isin(first).map({True: "test", False: "train"})
    assert of_data(table, tmp_path / "clean.csv")["files"] == "passed"
    shutil.copy(table.path[table.official_split == "test"].iloc[0], tmp_path / "again.jpeg")
    again = table[table.official_split == "train"].iloc[[0]]
    again = again.assign(path=str(tmp_path / "again.jpeg"), label="viral", image_id="again", patient_id="again")
    found = of_data(pd.concat([table, again]), tmp_path / "leaky.csv")
    assert found["files"] in ("warning", "critical")
    assert found["labels"] == "warning"


def of_data(table: pd.DataFrame, place: Path) -> dict[str, str]:
    table.to_csv(place, index=False)
    checked = check_leaks(material_of_data([place], place.parent / "cache", Inline()))
    return {finding.subject: finding.grade for finding in checked.findings}
