"""Bundles: a run that was packed says what the run says, names nobody, and is refused if a byte has changed."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gates import gate_that_refuses_all
from messages import assert_says, assert_tells
from tiny import RUN_DEPTH

from pxr_tf.deploy.bundle import BundleRequest, write_bundle
from pxr_tf.errors import PxrError
from pxr_tf.executors.inline import Inline
from pxr_tf.inference import samples
from pxr_tf.inference.gate import GATE, write_gate
from pxr_tf.runs.bundle import ABOUT
from pxr_tf.runs.finished import open_run


@pytest.fixture(scope="module")
def tabled(finished_run, tmp_path_factory) -> Path:
    """A copy of the finished run, into which packing writes the tables that the run lacks; no test may change it."""
    runs = finished_run.parents[RUN_DEPTH - 1]
    out = shutil.copytree(runs, tmp_path_factory.mktemp("tabled") / "runs")
    return Path(out) / finished_run.relative_to(runs)


@pytest.fixture(scope="module")
def packed(tabled, tmp_path_factory) -> Path:
    """A bundle of the finished run, as a folder; no test may change it."""
    out = tmp_path_factory.mktemp("packed") / "bundle"
    write_bundle(BundleRequest(open_run(tabled), out), Inline())
    return out


@pytest.fixture
def copy(packed, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr("pxr_tf.executors.choose.LocalProcess", Inline)
    return Path(shutil.copytree(packed, tmp_path / "copy"))


def zipped(folder: Path, out: Path, **changed: bytes) -> Path:
    with zipfile.ZipFile(out, "w") as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                archive.writestr(f"some/{name}", changed.get(name.replace(".", "_"), path.read_bytes()))
    return out


def shares_of(found: pd.DataFrame) -> np.ndarray:
    return found[[name for name in found if name.startswith("p_")]].to_numpy(float)


def edit(folder: Path, **values: object) -> None:
    about = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps(about | values))


def test_a_bundle_predicts_what_its_run_predicts_where_the_run_is_gone(copy, tabled, others, tmp_path):
    import pxr_tf

    runs = Path(shutil.copytree(tabled.parents[RUN_DEPTH - 1], tmp_path / "runs"))
    ours = pxr_tf.predict(runs / tabled.relative_to(tabled.parents[RUN_DEPTH - 1]), others)
    shutil.rmtree(runs)
    theirs = pxr_tf.predict(copy, others)
    np.testing.assert_array_equal(shares_of(ours), shares_of(theirs))
    assert list(ours.predicted) == list(theirs.predicted)


def test_a_bundle_recognises_the_pictures_of_its_run_and_their_copies(copy, tabled, tmp_path):
    from PIL import Image

    import pxr_tf

    image = open_run(tabled).manifest.iloc[0]
    with Image.open(image.path) as picture:
        picture.resize((50, 50)).save(tmp_path / "smaller.png")
    found = pxr_tf.predict(copy, [image.path, tmp_path / "smaller.png"])
    assert list(found.known) == ["test", "test"]


def test_a_zip_is_unpacked_once_and_predicts_the_same(copy, others, tmp_path):
    import pxr_tf

    out = zipped(copy, tmp_path / "bundle.zip")
    np.testing.assert_array_equal(shares_of(pxr_tf.predict(out, others)), shares_of(pxr_tf.predict(copy, others)))
    first, again = open_run(out).folder, open_run(out).folder
    assert first == again and first.is_relative_to(tmp_path / "user")


def test_a_bundle_names_no_image_patient_or_place(copy, tabled):
    run = open_run(tabled)
    texts = [path.read_text() for path in copy.rglob("*") if path.suffix in (".csv", ".json", ".yaml", ".md", ".cff")]
    words = [*run.manifest.image_id, *run.manifest.patient_id, *map(str, Path(run.manifest.path[0]).parents[:-2])]
    assert not [word for word in words for text in texts if word in text]


def test_packing_again_gives_the_same_zip(tabled, tmp_path):
    run = open_run(tabled)
    first, again = (
        write_bundle(BundleRequest(run, tmp_path / place / "same.zip"), Inline()).read_bytes() for place in "ab"
    )
    assert first == again


def test_a_bundle_of_one_fold_has_one_model(tabled, tmp_path):
    out = write_bundle(BundleRequest(open_run(tabled), tmp_path / "one", fold="1"), Inline())
    assert [path.parent.name for path in out.rglob("*.keras")] == ["fold-1"]
    assert open_run(out).folds == ("1",)


def test_what_is_not_a_bundle_is_never_replaced(tabled, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(PxrError, match="exists and is not a bundle"):
        write_bundle(BundleRequest(open_run(tabled), tmp_path), Inline())
    assert (tmp_path / "notes.txt").read_text() == "mine"
    pictures = zipped(tmp_path, tmp_path.with_suffix(".zip"))
    before = pictures.read_bytes()
    with pytest.raises(PxrError, match="exists and is not a bundle"):
        write_bundle(BundleRequest(open_run(tabled), pictures), Inline())
    assert pictures.read_bytes() == before


@pytest.mark.parametrize("name", ["fold-0/model.keras", "experiment.yaml", "samples/expected.csv", "thumbnails.npy"])
def test_a_changed_byte_is_named(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(PxrError, match=f"other bytes than were packed in {name}"):
        open_run(copy)


def test_a_changed_byte_in_a_zip_is_named(copy, tmp_path):
    out = zipped(copy, tmp_path / "bundle.zip", experiment_yaml=b"name: other")
    with pytest.raises(PxrError, match="other bytes than were packed in experiment.yaml"):
        open_run(out)


def test_a_missing_model_is_named(copy):
    shutil.rmtree(copy / "fold-1")
    with pytest.raises(PxrError, match="lacks fold-1/model.keras"):
        open_run(copy)


def test_a_link_to_another_place_is_not_followed(copy, tmp_path):
    (copy / "metrics.csv").rename(tmp_path / "elsewhere.csv")
    (copy / "metrics.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(PxrError, match="lacks metrics.csv"):
        open_run(copy)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"format": 99, "pxr_tf": "9.9"}, "has format 99, made by pxr_tf 9.9"),
        ({"format": "new"}, "is damaged"),
        ({"files": {"../out.csv": {"bytes": 1, "sha256": "0" * 64}}}, "names ../out.csv"),
        ({"files": {"/etc/passwd": {"bytes": 1, "sha256": "0" * 64}}}, "names /etc/passwd"),
        ({"files": {"a": {"bytes": 2**40, "sha256": "0" * 64}}}, "declares"),
        ({"files": {"a": {"bytes": 1, "sha256": "zz"}}}, "is damaged"),
        ({"files": []}, "is damaged"),
    ],
)
def test_what_this_version_cannot_read_is_refused(copy, values, words):
    edit(copy, **values)
    with pytest.raises(PxrError, match=words):
        open_run(copy)


def test_a_zip_that_unpacks_to_more_than_it_declares_is_refused(copy, tmp_path):
    out = zipped(copy, tmp_path / "bomb.zip", metrics_csv=b"\0" * 10_000_000)
    with pytest.raises(PxrError, match=r"other bytes than were packed in metrics\.csv"):
        open_run(out)
    kept = sum(path.stat().st_size for path in (tmp_path / "user").rglob("metrics.csv"))
    assert kept < 1_000_000


def test_other_zips_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(PxrError, match=r"is a zip without bundle\.json"):
        open_run(tmp_path / "other.zip")


def test_an_encrypted_zip_is_refused(copy, tmp_path):
    data = bytearray(zipped(copy, tmp_path / "locked.zip").read_bytes())
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):  # the flag of encryption, in both kinds of headers
        start = data.find(mark)
        while start >= 0:
            data[start + place] |= 1
            start = data.find(mark, start + 4)
    (tmp_path / "locked.zip").write_bytes(data)
    with pytest.raises(PxrError, match="is an encrypted zip"):
        open_run(tmp_path / "locked.zip")


def test_commands_that_write_into_a_run_refuse_a_bundle(copy, pxr):
    for command in ("calibrate", "report", "audit", "bundle", "gate"):
        code, _, wrong = pxr(command, copy)
        assert code == 2
        assert_says(wrong, "is a bundle", "finished run")


def test_verify_tells_whether_the_answers_are_those_of_the_packing(copy, pxr, monkeypatch):
    code, said, _ = pxr("verify", copy)
    assert code == 0
    assert_tells(said, "bacterial-1.png", "All files")
    expected = copy / samples.FOLDER / samples.EXPECTED
    table = pd.read_csv(expected)
    shares = [name for name in table if name.startswith("p_")]
    table.loc[0, shares] = table.loc[0, shares].to_numpy()[::-1]
    table.to_csv(expected, index=False)
    monkeypatch.setattr("pxr_tf.runs.bundle._check_files", lambda *args: None)
    code, said, _ = pxr("verify", copy)
    assert code == 1
    assert_tells(said, "differ")


def test_verify_takes_no_run(own_copy, pxr):
    code, _, wrong = pxr("verify", own_copy)
    assert code == 2
    assert_says(wrong, "run directory", "pxr bundle")


def test_the_card_states_figures_findings_and_licences(tmp_path, own_copy):
    from pxr_tf import files

    finding = {
        "check": "controls", "grade": "critical", "subject": "normal", "figure": "share", "value": 1.0, "low": 0.9,
        "high": 1.0, "text": "All cats were called normal.", "remedy": "Do not show it cats.",
    }  # fmt: skip
    about = {"identity": files.digest_file(own_copy / "predictions.csv"), "checks": ["controls"], "findings": [finding]}
    files.write_json(own_copy / "audit.json", about)
    out = write_bundle(BundleRequest(open_run(own_copy), tmp_path / "out"), Inline())
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlicense: other\n")
    assert_tells(card, "Research use only", "All cats were called normal.", "balanced accuracy", "Phantoms drawn by")
    assert card.index("All cats") < card.index("## Figures")
    assert [finding.text for finding in open_run(out).findings] == ["All cats were called normal."]


def test_a_bundle_without_pictures_asks_for_some(copy, pxr):
    for command, option in (("explain", "IMAGES"), ("features", "DATA")):
        code, _, wrong = pxr(command, copy)
        assert code == 2
        assert_says(wrong, "is a bundle, which has no pictures", option)
    code, _, wrong = pxr("predict", copy, "image-000001")
    assert code == 2
    assert_says(wrong, "not a file or a folder")


def test_a_bundle_is_explained_and_gives_features(copy, pxr, others):
    before = sorted(copy.rglob("*"))
    assert pxr("explain", copy, others[0], "--no-checks")[0] == 0
    assert pxr("features", copy, others[0].parents[2])[0] == 0
    assert Path("features.parquet").exists() and list(Path().glob("explained-*"))
    assert sorted(copy.rglob("*")) == before


def test_the_recipe_of_a_bundle_has_names_where_the_runs_has_places(own_copy, tmp_path):
    recipe = own_copy / "experiment.yaml"
    recipe.write_text(recipe.read_text().replace("weights: none", f"weights: {tmp_path}/mine.h5"))
    out = write_bundle(BundleRequest(open_run(own_copy), tmp_path / "out"), Inline())
    assert "weights: mine.h5" in (out / "experiment.yaml").read_text()


def test_a_bundle_whose_gate_refuses_its_samples_is_verified_and_described(own_copy, tmp_path, pxr, monkeypatch):

    write_gate(own_copy / GATE, gate_that_refuses_all(3, 4))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    out = write_bundle(BundleRequest(open_run(own_copy), tmp_path / "out"), Inline())
    assert "source 75.0 % of 4" in (out / "README.md").read_text()
    assert set(pd.read_csv(out / "samples" / "expected.csv", keep_default_na=False).predicted) == {""}
    assert pxr("verify", out)[0] == 0


@pytest.mark.parametrize("name", ["samples/extra.png", "audit.json", "exported/other.onnx", "fold-9/model.keras"])
def test_what_was_not_packed_is_named(copy, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_bytes(b"x")
    with pytest.raises(PxrError, match=f"holds what was not packed: {name}"):
        open_run(copy)


def test_results_and_hidden_files_may_be_in_a_bundle(copy):
    for name in (".cache/hub.json", "predicted/a.csv", "evaluated/b/metrics.csv", "explained-images-1/page.html"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("x")
    assert open_run(copy).packed
