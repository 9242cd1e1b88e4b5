"""The words of ``pxr predict``: what they name, the file that is written, and refusals in one line."""

import shutil
from pathlib import Path

import pandas as pd
from messages import any_of, assert_says
from predicted import SHARES

from pxr_tf import files
from pxr_tf.runs.finished import open_run


def test_impossible_requests_are_refused_in_one_line(pxr, own_copy, others):
    Path("nothing").mkdir()
    Path("broken.png").write_text("no picture")
    Path("file").touch()
    cases = [
        (["nowhere", others[0]], ["'nowhere'", any_of("run directory")]),
        ([own_copy, "nowher.png"], ["PICTURE", "'nowher.png'", "image", "file", "folder"]),
        ([own_copy, ""], ["PICTURE", any_of("nothing"), "folder"]),
        ([own_copy, "nothing"], ["PICTURE", "nothing", any_of("empty folder", "no image")]),
        ([own_copy, "broken.png"], [any_of("none"), "broken.png", any_of("not a JPEG, PNG or DICOM")]),
        ([own_copy, others[0], "--fold", "7"], ["--fold", "'7'", "fold-0"]),
        ([own_copy, others[0], "--out", "table.xlsx"], ["--out", "'table.xlsx'", ".csv", ".json", ".jsonl"]),
        (
            [own_copy, others[0], "--out", "file/out.csv"],
            ["file/out.csv", any_of("cannot be written"), any_of("not a directory"), "--out"],
        ),
        ([own_copy, others[0], "--atlas", "builtin"], ["--atlas", "'builtin'"]),
    ]
    before = set(open_run(own_copy).cache.glob("predictions-*"))
    for words, facts in cases:
        code, _, said = pxr("predict", *words)
        assert (code, said.count("\n")) == (2, 1), said
        assert_says(said, *facts)
    assert not (own_copy / "predicted").exists()
    assert set(open_run(own_copy).cache.glob("predictions-*")) == before


def test_missing_and_changed_models_are_refused_in_one_line(pxr, own_copy, others):
    model = own_copy / "fold-1" / "model.keras"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    code, _, said = pxr("predict", own_copy, others[0])
    assert (code, said.count("\n")) == (2, 1), said
    assert_says(said, str(model))
    model.unlink()
    code, _, said = pxr("predict", own_copy, others[0])
    assert (code, said.count("\n")) == (2, 1), said
    assert_says(said, "1 model", str(model))
    assert pxr("predict", own_copy, others[0], "--fold", "0")[0] == 0


def test_a_run_whose_data_have_moved_predicts_other_pictures(predict, pxr, own_copy, others):
    manifest = pd.read_csv(own_copy / "manifest.csv")
    files.write_csv(own_copy / "manifest.csv", manifest.assign(path="/gone/" + manifest.image_id))
    found = predict(own_copy, others[0], manifest.image_id[0])
    assert found.fault.iloc[0] == "" and found.fault.iloc[1] != "" and found.predicted.iloc[1] == ""


def test_the_same_picture_twice_and_two_pictures_with_one_name(predict, own_copy, others):
    first, second = Path("a/x.jpeg"), Path("b/x.jpeg")
    for place, picture in zip((first, second), others, strict=False):
        place.parent.mkdir()
        shutil.copy(picture, place)
    found = predict(own_copy, first, first, second, "a/../a/x.jpeg")
    assert list(found.index) == ["a/x.jpeg", "b/x.jpeg"]
    assert list(predict(own_copy, "a", first).path) == [str(first.absolute())]
    shutil.copy(first, "copy.jpeg")
    found = predict(own_copy, first, "copy.jpeg")
    assert list(found.index) == ["x.jpeg", "copy.jpeg"]
    assert found[SHARES].iloc[0].equals(found[SHARES].iloc[1])


def test_a_table_of_pictures_is_a_data_set(predict, own_copy, others):
    rows = pd.DataFrame({"path": others[:3], "label": ["normal", "viral", "something else"]})
    rows.to_csv("table.csv", index=False)
    assert sorted(predict(own_copy, "table.csv").path) == sorted(map(str, others[:3]))


def test_the_file_is_in_the_run_directory_and_named_after_the_pictures(pxr, own_copy, others):
    said = [pxr("predict", own_copy, *words)[1] for words in ([others[0]], [others[0], "--fold", "1"], [*others[:2]])]
    places = [Path(text.splitlines()[-1]) for text in said]
    assert len(set(places)) == 3 and all(place.parent == own_copy / "predicted" for place in places)
    assert all(place.name.startswith(f"{others[0].name}-") and place.suffix == ".csv" for place in places)


def test_image_ids_of_the_run_are_pictures_too(predict, own_copy):
    first, second = open_run(own_copy).manifest.image_id[:2]
    assert list(predict(own_copy, second, first).index) == [second, first]
