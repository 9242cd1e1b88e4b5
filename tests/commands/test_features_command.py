"""``pxr features``: one row per image, from a model that did not train on it, and refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import ACCEPTED, UNREADABLE, any_of, assert_says, assert_tells
from PIL import Image
from pyarrow import parquet
from tiny import RUN_DEPTH, run_here, write_tiny_phantoms

from pxr_tf import files
from pxr_tf.config import load_experiment
from pxr_tf.data.feature_table import read_feature_table
from pxr_tf.inference.pictures import assign_folds
from pxr_tf.models.classifier import feature_extractor
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.finished import open_run

SMALL = {"image.size": 32, "training.batch_size": 16, "splits.validation": 0.3}
SCRATCH = {"model.hidden_units": [8, 4], "phases.0.max_epochs": 1}


def features_by_hand(run: Path, table: pd.DataFrame, fold: str) -> np.ndarray:
    """Return the features of these rows' pictures in a fold's saved model, as one batch."""
    model, card = load_classifier(run / fold / "model.keras")
    preparation = Preparation(card["image"]["size"], card["image"]["resize"])
    pictures = np.stack([load_prepared(path, preparation) for path in table.path])
    return np.asarray(feature_extractor(model).predict_on_batch(pictures[..., None]))


def by_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("image_id")


def test_each_image_has_features_from_the_fold_that_tests_it(pxr, own_copy, data):
    code, said, wrong = pxr("features", own_copy, data)
    assert (code, wrong) == (0, "")
    file = own_copy / "features.parquet"
    assert said.splitlines()[-1] == str(file)
    assert "features · " in said
    rows, features, about = read_feature_table(file)
    manifest, splits = (pd.read_csv(own_copy / name, dtype=str) for name in ("manifest.csv", "splits.csv"))
    assert rows.image_id.tolist() == sorted(manifest.image_id)
    assert set(rows.role) == {"test"}
    tested = by_id(splits[splits.role.isin(["test", "test_balanced"])]).fold
    assert rows.fold.tolist() == tested[rows.image_id].tolist()
    for name in ("label", "patient_id", "source"):
        assert rows[name].tolist() == by_id(manifest)[name][rows.image_id].tolist()
    for fold in ("0", "1"):
        mine = (rows.fold == fold).to_numpy()
        paths = by_id(manifest).loc[rows.image_id[mine]]
        np.testing.assert_allclose(features[mine], features_by_hand(own_copy, paths, f"fold-{fold}"), rtol=1e-5)
    models = {fold: files.digest_file(own_copy / f"fold-{fold}" / "model.keras") for fold in ("0", "1")}
    assert about["models"] == models
    assert (about["run"], about["layer"]) == ("phantom/strategy2-two_layers/folds/seed-0", "features")
    assert (about["channels"], about["origin"], about["split"]) == (8, "synthetic", "by patient")
    assert about["preparation"]["size"] == 32
    assert {"keras", "pyarrow"} <= about["versions"].keys()


def test_the_file_is_written_once_and_an_edited_file_is_refused(pxr, own_copy):
    file = own_copy / "features.parquet"
    assert pxr("features", own_copy)[0] == 0
    before = file.read_bytes(), file.stat().st_mtime_ns
    code, said, _ = pxr("features", own_copy)
    assert (code, said.splitlines()[-1]) == (0, str(file))
    rows, features = pd.read_parquet(file).shape, len(pd.read_parquet(file).features[0])
    assert_tells(said, any_of("up to date"), f"{rows[0]} rows", f"{rows[1]} columns", f"{features} features")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert pxr("features", own_copy, "--out", "again.parquet")[0] == 0
    assert Path("again.parquet").read_bytes() == before[0]
    table = parquet.read_table(file)
    column = table.column("role").to_pylist()
    edited = table.set_column(4, table.schema.field(4), [["train", *column[1:]]])
    parquet.write_table(edited, file)
    code, _, said = pxr("features", own_copy)
    assert (code, said.count("\n")) == (2, 1)
    assert_says(said, str(file), any_of("changed", "edited"))


def test_the_model_of_one_fold_gives_features_of_all_images_with_their_roles(pxr, own_copy):
    assert pxr("features", own_copy, "--fold", "1", "--out", "one.parquet")[0] == 0
    rows, _, about = read_feature_table(Path("one.parquet"))
    splits = pd.read_csv(own_copy / "splits.csv", dtype=str)
    roles = by_id(splits[splits.fold == "1"]).role.replace("test_balanced", "test")
    assert rows.role.tolist() == roles[rows.image_id].tolist()
    assert set(rows.role) == {"train", "test"}
    assert (set(rows.fold), list(about["models"])) == ({"1"}, ["1"])


def test_external_images_have_no_role(pxr, own_copy, tmp_path):
    """Other phantoms, and two files that show one of the run's pictures: with another name, and at another size."""
    folder = write_tiny_phantoms(tmp_path / "others", seed=5)[0]
    manifest = pd.read_csv(own_copy / "manifest.csv", dtype=str)
    splits = pd.read_csv(own_copy / "splits.csv", dtype=str)
    in_second = manifest.image_id.isin(splits.image_id[(splits.fold == "1") & splits.role.str.startswith("test")])
    known = manifest[in_second & manifest.source.str.contains("kermany")].iloc[0]
    shutil.copy(known.path, folder / "train" / "NORMAL" / "IM-9999-0001.jpeg")
    with Image.open(known.path) as picture:
        picture.resize((70, 70)).save(folder / "train" / "NORMAL" / "IM-9998-0001.jpeg")
    code, said, _ = pxr("features", own_copy, folder)
    assert code == 0
    rows = read_feature_table(own_copy / "features.parquet").rows
    mine = rows.image_id.str.contains("IM-999")
    assert rows[mine][["role", "fold"]].to_numpy().tolist() == [["test", "1"]] * 2
    assert rows[mine].patient_id.tolist() == [known.patient_id] * 2
    assert set(rows[~mine].role) == {""}
    assert set(rows[~mine].fold) == {"0"}
    assert set(rows.label) == {"normal", "bacterial", "viral"}
    assert_tells(said, f"{(~mine).sum()} images", any_of("fold 0"))


@pytest.fixture
def train(official_phantoms, tmp_path):
    def run(variant, **overrides):
        experiment = load_experiment("chen2021", SMALL | overrides, variant=variant)
        return run_here(experiment, [official_phantoms], tmp_path / "runs")

    return run


def test_the_features_of_a_papers_own_network_are_the_input_of_its_last_layer(pxr, train):
    run = train("feed_forward", **SCRATCH)
    assert pxr("features", run)[0] == 0
    rows, features, about = read_feature_table(run / "features.parquet")
    assert (features.shape[1], about["layer"]) == (4, "input of logits")
    splits = by_id(pd.read_csv(run / "splits.csv")).role.replace("test_balanced", "test")
    assert rows.role.tolist() == splits[rows.image_id].tolist()
    assert set(rows.role) == {"train", "val", "test"}
    manifest = by_id(pd.read_csv(run / "manifest.csv"))
    np.testing.assert_allclose(features, features_by_hand(run, manifest.loc[rows.image_id], "official"), rtol=1e-5)
    model, _ = load_classifier(run / "official" / "model.keras")
    dense = model.get_layer("logits")
    picture = load_prepared(manifest.path[rows.image_id[0]], Preparation(32, "squash"))
    logits = features[:1] @ dense.kernel + dense.bias
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose(shares, model.predict_on_batch(picture[None, ..., None]), rtol=1e-4)


def test_impossible_requests_are_refused_in_one_line(pxr, own_copy, train, tmp_path):
    linear = train("logistic_regression", **{"model.max_iterations": 2})
    Path("notes.parquet").write_text("no table")
    Path("broken.png").write_text("no picture")
    Path("broken.csv").write_text("path,label\nbroken.png,normal\n")
    cases = [
        (["nowhere"], ["'nowhere'", any_of("run directory")]),
        ([linear], ["linear", "network", "feature", ACCEPTED]),
        ([own_copy, "--fold", "7"], ["--fold", "'7'"]),
        ([own_copy, "nowhere"], ["nowhere"]),
        ([own_copy, "--out", "notes.parquet"], ["notes.parquet", "pxr features"]),
        ([own_copy, "broken.csv"], ["1 of 1 image", UNREADABLE]),
        ([own_copy, "broken.csv", "--skip-unreadable"], [any_of("none", "no image"), "image"]),
    ]
    for words, facts in cases:
        code, _, said = pxr("features", *words)
        assert (code, said.count("\n")) == (2, 1), said
        assert_says(said, *facts)
    assert not (own_copy / "features.parquet").exists()
    content = bytearray((own_copy / "fold-1" / "model.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (own_copy / "fold-1" / "model.keras").write_bytes(content)
    code, _, said = pxr("features", own_copy)
    assert (code, said.count("\n")) == (2, 1), said
    assert not (own_copy / "features.parquet").exists()


def test_cached_features_are_not_computed_again(pxr, own_copy):
    """The cache stays if a command is killed, or if its file is deleted."""
    assert "features · " in pxr("features", own_copy)[1]
    (own_copy / "features.parquet").unlink()
    code, said, _ = pxr("features", own_copy)
    assert code == 0
    assert "features · " not in said
    cache = own_copy.parents[RUN_DEPTH - 1] / "cache"
    assert len(list(cache.glob("features-*/"))) == 3  # two models, and the initial backbone of the folds
    assert json.loads(parquet.read_schema(own_copy / "features.parquet").metadata[b"pxr"])["channels"] == 8


def test_a_copied_run_has_its_own_cache(pxr, own_copy, tmp_path, monkeypatch):
    run = shutil.copytree(own_copy, tmp_path / "elsewhere" / "seed-0")
    assert pxr("features", run)[0] == 0
    assert (run / "cache").is_dir()
    monkeypatch.chdir(run)
    assert_tells(pxr("features", ".")[1], any_of("nothing to do"))


def test_unreadable_images_are_not_a_reason_to_write_again(pxr, own_copy):
    good = pd.read_csv(own_copy / "manifest.csv").path[0]
    Path("broken.png").write_text("no picture")
    Path("both.csv").write_text(f"path,label\nbroken.png,normal\n{good},normal\n")
    assert pxr("features", own_copy, "both.csv", "--skip-unreadable")[0] == 0
    assert_tells(pxr("features", own_copy, "both.csv", "--skip-unreadable")[1], any_of("nothing to do"))


def test_duplicates_of_a_picture_keep_their_own_roles(own_copy):
    file = own_copy / "manifest.csv"
    manifest, splits = pd.read_csv(file, dtype=str), pd.read_csv(own_copy / "splits.csv", dtype=str)
    roles = by_id(splits[splits.fold == "0"]).role.replace("test_balanced", "test")
    first, second = (roles.index[roles == role][0] for role in ("train", "test"))
    contents = by_id(manifest).content
    manifest.loc[manifest.image_id == second, "content"] = contents[first]
    manifest.to_csv(file, index=False)
    found = by_id(assign_folds(manifest, open_run(own_copy), "0")).role
    assert (found[first], found[second]) == ("train", "test")
