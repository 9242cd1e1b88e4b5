"""``pxr evaluate``: other data beside the run's own figures, negative controls, and rows that the run knows."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import ACCEPTED, assert_says, assert_tells
from PIL import Image
from tiny import CLASSES, write_tiny_phantoms

from pxr_tf.evaluation.intervals import measure_share
from pxr_tf.sets.find import read_sources


@pytest.fixture
def strangers(tmp_path) -> pd.DataFrame:
    """Phantoms of another seed, so other chests, each of a patient of its own name."""
    table, _ = read_sources(write_tiny_phantoms(tmp_path / "strangers", seed=5))
    return table.assign(patient_id="hospital/" + table.patient_id, source="hospital", official_split="")


def write_set(table: pd.DataFrame, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    table[["path", "label", "patient_id", "source"]].to_csv(place, index=False)
    return place


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", keep_default_na=name != "predictions")


def test_other_data_get_metrics_and_groups_without_a_class_are_controls(pxr, own_copy, strangers, tmp_path):
    strangers.loc[strangers.label == "viral", "label"] = "lipoid"
    code, said, wrong = pxr("evaluate", own_copy, write_set(strangers, tmp_path / "hospital.csv"))
    assert (code, wrong) == (0, "")
    folder = own_copy / "evaluated" / "hospital.csv"
    assert said.splitlines()[-1] == str(folder)
    predictions = read(folder, "predictions")
    assert len(predictions) == len(strangers)
    assert set(predictions.label[predictions.group == "lipoid"]) == {""}
    assert set(predictions.fold) == {"ensemble"}
    called = read(folder, "called")
    own = called[called.group.isin(set(strangers.label))]
    assert own.groupby("group").share.sum().to_numpy() == pytest.approx(1)
    lipoid = predictions[predictions.group == "lipoid"]
    covid = called[(called.group == "lipoid") & (called["class"] == "covid19")].iloc[0]
    share = measure_share((lipoid.predicted == "covid19").to_numpy(), lipoid.patient_id.to_numpy())
    assert covid[["share", "low", "high"]].to_numpy(float) == pytest.approx(np.array(share)[[0, 2, 3]], rel=1e-6)
    beside = read(folder, "beside")
    assert set(beside["class"]) == {"all", "bacterial", "covid19", "normal"}
    assert (beside.external - beside.internal).to_numpy() == pytest.approx(beside.difference.to_numpy(), abs=1e-6)
    counts = beside[beside["class"] == "normal"].set_index("metric").external_images
    classes = strangers.label[strangers.label != "lipoid"]
    assert counts["sensitivity"] == (classes == "normal").sum()
    assert counts["specificity"] == (classes != "normal").sum()
    assert counts["auc"] == len(classes)
    assert json.loads((folder / "evaluation.json").read_text())["images"] == len(strangers)
    assert_tells(said, "lipoid", "Research use only")


def test_the_ensemble_is_the_mean_of_what_each_fold_says(pxr, own_copy, strangers, tmp_path):
    place = write_set(strangers, tmp_path / "hospital.csv")
    for fold in ("0", "1"):
        assert pxr("evaluate", own_copy, place, "--fold", fold, "--out", f"fold-{fold}")[0] == 0
    assert pxr("evaluate", own_copy, place, "--out", "both")[0] == 0
    shares = [f"p_{name}" for name in CLASSES]
    own, called = pd.read_csv(own_copy / "predictions.csv"), read(Path("fold-0"), "called")
    own = own[(own.fold.astype(str) == "0") & own.role.isin(["test", "test_balanced"])].drop_duplicates("image_id")
    share = called[(called.group == "normal") & (called["class"] == "normal")].internal.iloc[0]
    assert share == pytest.approx((own.predicted[own.label == "normal"] == "normal").mean(), rel=1e-6)
    first, second, both = (read(Path(name), "predictions")[shares] for name in ("fold-0", "fold-1", "both"))
    np.testing.assert_allclose(both, (first + second) / 2, atol=1e-6)


def test_a_run_is_not_evaluated_on_what_it_learned_from(pxr, own_copy, data):
    assert_says(refused(pxr, "evaluate", own_copy, data), "learned from this file", ACCEPTED, "--fold")


def test_one_fold_is_evaluated_on_the_rows_that_it_did_not_learn_from(pxr, own_copy, data):
    code, said, _ = pxr("evaluate", own_copy, data, "--fold", "0", "--out", "own")
    assert code == 0
    assert_tells(said, "the run's own test images")
    splits = pd.read_csv(own_copy / "splits.csv", dtype=str)
    tested = splits[(splits.fold == "0") & splits.role.isin(["test", "test_balanced"])]
    assert set(read(Path("own"), "predictions").image_id) == set(tested.image_id)


def test_copies_and_other_images_of_known_patients_are_left_out(pxr, own_copy, strangers, tmp_path):
    known = pd.read_csv(own_copy / "manifest.csv", dtype=str)
    with Image.open(known.path[0]) as picture:
        picture.resize((64, 64)).save(tmp_path / "copy.png")
    strangers.loc[0, "path"] = str(tmp_path / "copy.png")
    strangers.loc[1, "patient_id"] = known.patient_id[3]
    assert pxr("evaluate", own_copy, write_set(strangers, tmp_path / "hospital.csv"), "--out", "here")[0] == 0
    left_out = read(Path("here"), "left_out")
    assert sorted(left_out.reason) == [
        "the run learned from a copy of the picture",
        "the run learned from another image of the patient",
    ]
    assert len(read(Path("here"), "predictions")) == len(strangers) - 2


def test_other_images_of_a_patient_whose_copy_trained_are_left_out(pxr, own_copy, strangers, tmp_path):
    trained = pd.read_csv(own_copy / "manifest.csv", dtype=str)
    strangers.loc[0, "path"] = trained.path[0]
    strangers.loc[[0, 1], "patient_id"] = "hospital/one person"
    assert pxr("evaluate", own_copy, write_set(strangers, tmp_path / "hospital.csv"), "--out", "here")[0] == 0
    reasons = read(Path("here"), "left_out").set_index("image_id").reason
    assert set(reasons) == {"the run learned from this file", "the run learned from another image of the patient"}
    assert len(reasons) == 2


def test_phantoms_of_another_seed_are_other_patients(pxr, own_copy, tmp_path):
    write_tiny_phantoms(tmp_path / "strangers", seed=5)
    places = [tmp_path / "strangers" / name for name in ("chest_xray", "covid-chestxray-dataset")]
    assert pxr("evaluate", own_copy, ",".join(map(str, places)), "--out", "here")[0] == 0
    assert read(Path("here"), "left_out").empty


def test_a_label_does_not_count_for_data_that_have_labels(pxr, own_copy, strangers, tmp_path):
    place = write_set(strangers, tmp_path / "hospital.csv")
    code, said, _ = pxr("evaluate", own_copy, place, "--label", "normal", "--out", "here")
    assert code == 0
    assert_tells(said, "hospital.csv has labels", "--label")
    assert set(read(Path("here"), "predictions").group) == set(strangers.label)


@pytest.fixture
def adults(strangers, tmp_path) -> Path:
    """A folder of five pictures and a broken file, without labels."""
    folder = tmp_path / "adults" / "images"
    folder.mkdir(parents=True)
    for number, path in enumerate(strangers.path[:5]):
        shutil.copy(path, folder / f"{number}.jpeg")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_of_a_folder_without_labels_nobody_says_what_it_is_not(pxr, own_copy, adults):
    code, said, _ = pxr("evaluate", own_copy, adults)
    assert code == 0
    assert_tells(said, "--label", "No image has a class of the run")
    folder = own_copy / "evaluated" / "adults"
    called = read(folder, "called")
    assert set(called.images[called.group == "unlabelled"]) == {5}
    assert set(called.images[called.group != "unlabelled"]) == {0}
    assert "another finding" not in said
    assert "that are not" not in said
    assert "5 images that no model" in " ".join(said.split())  # nobody knows of how many patients
    assert not (folder / "beside.csv").exists() and not (folder / "metrics.csv").exists()
    assert list(read(folder, "left_out").path) == [str(adults / "broken.png")]


def test_a_label_makes_a_folder_a_class_or_a_negative_control(pxr, own_copy, adults):
    assert pxr("evaluate", own_copy, adults, "--label", "healthy", "--out", "healthy")[0] == 0
    assert set(read(Path("healthy"), "predictions").label) == {"normal"}
    assert pxr("evaluate", own_copy, adults, "--label", "Rib fracture", "--out", "other")[0] == 0
    called = read(Path("other"), "called")
    assert set(called.images) == {5}
    assert set(called.group[called.source == "adults"]) == {"rib_fracture"}


def test_a_picture_with_two_labels_is_refused(pxr, own_copy, strangers, tmp_path):
    shutil.copy(strangers.path[0], tmp_path / "again.jpeg")
    again = strangers.iloc[[0]].assign(label="normal", path=str(tmp_path / "again.jpeg"))
    place = write_set(pd.concat([strangers, again]), tmp_path / "hospital.csv")
    assert_says(refused(pxr, "evaluate", own_copy, place), "two labels", ACCEPTED)


def test_a_later_evaluation_leaves_no_table_of_an_earlier_one(pxr, own_copy, strangers, tmp_path):
    for label in ("normal", "lipoid"):
        place = write_set(strangers.assign(label=label), tmp_path / "hospital.csv")
        assert pxr("evaluate", own_copy, place, "--out", "here")[0] == 0
        assert (Path("here") / "metrics.csv").exists() == (label == "normal")


def refused(pxr, *words: object) -> str:
    code, _, wrong = pxr(*words)
    assert code == 2
    assert wrong.count("\n") == 1
    return wrong
