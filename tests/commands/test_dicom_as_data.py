"""DICOM files are data as PNGs are: trained on and predicted, with the same numbers, from folders, tables and words."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import encode
from messages import assert_tells
from PIL import Image
from predicted import SHARES
from tiny import run_here, tiny_experiment

from pxr_tf.pictures.decode import load_grey
from pxr_tf.sets.find import read_sources


@pytest.fixture(scope="module")
def films(phantoms, tmp_path_factory) -> dict[str, Path]:
    """The phantoms as PNGs, and as DICOM files of both polarities without an ending: ending -> folder with a table."""
    table, _ = read_sources(phantoms)
    folders = {ending: tmp_path_factory.mktemp("films") / "films" for ending in (".png", "")}
    for ending, folder in folders.items():
        folder.mkdir()
        for number, path in enumerate(table.path):
            grey = load_grey(path)
            if ending:
                Image.fromarray(grey).save(folder / f"{number}{ending}")
            else:
                polarity, values = ("MONOCHROME1", 255 - grey) if number % 2 else ("MONOCHROME2", grey)
                data = encode(values, "1.2.840.10008.1.2.4.90", PhotometricInterpretation=polarity)
                (folder / f"1.2.{number}").write_bytes(data)
        names = [f"{number}.png" if ending else f"1.2.{number}" for number in range(len(table))]
        rows = table[["label", "patient_id"]].assign(path=names, image_id=[f"film/{n}" for n in range(len(table))])
        rows.to_csv(folder / "manifest.csv", index=False)
    return folders


def test_a_run_on_dicom_files_has_the_numbers_of_the_run_on_the_same_pngs(films, tmp_path, two_layers):
    runs = [run_here(tiny_experiment(), [folder], tmp_path / f"runs{n}") for n, folder in enumerate(films.values())]
    first, second = (pd.read_csv(run / "predictions.csv").drop(columns="path", errors="ignore") for run in runs)
    pd.testing.assert_frame_equal(first, second)


def test_a_dicom_file_is_predicted_as_the_same_png_and_a_bad_one_has_its_reason(predict, own_copy, films):
    (films[""] / "bad.dcm").write_bytes(encode(np.zeros((99, 9), np.uint8), Rows=33, NumberOfFrames=3))
    words = [films[""] / "1.2.0", films[""] / "1.2.1", films[".png"] / "0.png", films[".png"] / "1.png"]
    found = predict(own_copy, *words, films[""] / "bad.dcm")
    assert np.array_equal(found[SHARES].iloc[[0, 1]], found[SHARES].iloc[[2, 3]])
    assert found.fault["bad.dcm"] == "DICOM with 3 frames; files of one frame are read"


def test_data_describes_dicom_files(pxr, films):
    code, said, wrong = pxr("data", films[""])
    assert (code, wrong) == (0, "")
    assert_tells(said, "DICOM")
