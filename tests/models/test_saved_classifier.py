"""The saved classifier: a `.keras` file that plain Keras opens, anywhere, with its card inside."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from messages import any_of, assert_says, refused
from tiny import SIZE, TWO_LAYERS

from pxr_tf.errors import PxrError
from pxr_tf.models.classifier import build_classifier
from pxr_tf.models.model_file import load_classifier, read_card, save_classifier
from pxr_tf.vocabulary.model import Head

CARD = {"classes": ["normal", "viral"], "image": {"size": SIZE, "resize": "squash"}, "notice": "größer"}
LOAD_PLAINLY = """
import sys, numpy as np, keras
folder = sys.argv[1]
model = keras.models.load_model(folder + "/model.keras", safe_mode=True)
np.save(folder + "/theirs.npy", model.predict_on_batch(np.load(folder + "/pictures.npy")))
print("pxr_tf" in sys.modules, [layer.name for layer in model.layers][-2:])
"""


@pytest.fixture
def saved(tmp_path):
    """Save a compiled and partly frozen classifier; return (model, folder)."""
    model = build_classifier(TWO_LAYERS, num_classes=2, image_size=SIZE, weights="none", head=Head(dropout=0.3))
    model.layers[4].trainable = False
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    save_classifier(model, tmp_path / "model.keras", CARD)
    return model, tmp_path


@pytest.mark.slow
def test_a_fresh_process_loads_it_with_plain_keras_and_predicts_the_same(saved):
    model, folder = saved
    pictures = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 1)).astype(np.uint8)
    np.save(folder / "pictures.npy", pictures)
    ended = subprocess.run(
        [sys.executable, "-c", LOAD_PLAINLY, str(folder)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.stdout.strip() == "False ['features', 'head']", ended.stderr
    np.testing.assert_array_equal(np.load(folder / "theirs.npy"), model.predict_on_batch(pictures))


def test_it_has_no_lambda_and_no_layer_of_ours(saved):
    with zipfile.ZipFile(saved[1] / "model.keras") as archive:
        config = archive.read("config.json").decode()
    assert "pxr" not in config
    assert "Lambda" not in config
    assert not [
        part for part in parts_of(json.loads(config)) if part.get("registered_name") not in (None, "Functional")
    ]


def parts_of(value):
    """Yield every serialized object of a Keras config."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        value = list(value.values())
    for part in value if isinstance(value, list) else []:
        yield from parts_of(part)


def test_the_card_is_inside_the_file(saved):
    model, card = load_classifier(saved[1] / "model.keras")
    assert card == CARD == read_card(saved[1] / "model.keras")
    assert model.name == "classifier"
    assert not model.compiled  # the optimizer's variables would triple the file


def test_saving_leaves_one_file(saved):
    assert [file.name for file in saved[1].iterdir()] == ["model.keras"]


def test_a_failed_save_does_not_change_the_earlier_file(saved, monkeypatch):
    model, folder = saved
    before = (folder / "model.keras").read_bytes()

    def fail(*values, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(OSError, match="No space"):
        save_classifier(model, folder / "model.keras", {})
    assert (folder / "model.keras").read_bytes() == before


@pytest.mark.parametrize("damage", ["text", "truncated", "without card", "another card"])
def test_a_file_that_is_not_ours_has_an_error_of_one_line(saved, damage):
    model, folder = saved
    path = folder / "model.keras"
    if damage == "text":
        path.write_text("weights")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    else:
        keras.Model(model.inputs, model.outputs).save(path)
    if damage == "another card":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("pxr.json", "[1]")
    with refused(any_of("pxr"), any_of("classifier")) as fault:
        load_classifier(path)
    assert "\n" not in str(fault.value)


def test_the_error_for_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(PxrError) as fault:
        load_classifier(tmp_path / "model.keras")
    assert str(fault.value) == (
        f"The model file {tmp_path / 'model.keras'} is missing. "
        "Put the original back, or delete its run directory and train again."
    )


FLAGS, METHOD, SIZES = 8, 10, 20  # positions in a member's entry in the zip's directory
FLIPS = {
    "encrypted": (FLAGS, b"\x01"),
    "another compression": (METHOD, b"\x08"),
    "bzip2": (METHOD, b"\x0c"),
    "lzma": (METHOD, b"\x0e"),
    "unknown compression": (METHOD, b"\x20"),
    "longer than the file": (SIZES, b"\xff\xff\xff\x00\xff\xff\xff\x00"),
    "nonsense for a start": (42, b"\xff\xff\xff\x00"),
}


@pytest.mark.parametrize("member", [0, -1], ids=["metadata", "card"])
def test_every_damage_of_the_archive_has_an_error_of_one_line(saved, member):
    path = saved[1] / "model.keras"
    whole = path.read_bytes()
    entries = [place for place in range(len(whole)) if whole.startswith(b"PK\x01\x02", place)]
    for place, content in FLIPS.values():
        start = entries[member] + place
        path.write_bytes(whole[:start] + content + whole[start + len(content) :])
        with pytest.raises(PxrError) as fault:
            load_classifier(path)
        assert_says(fault.value, str(path), any_of("pxr"), any_of("damaged"))
        assert_says(fault.value, any_of("original"), any_of("delete"), any_of("run directory"), any_of("train"))


def write_card(model: keras.Model, path, card: dict) -> None:
    """Write a model file with exactly this card, without a digest."""
    keras.Model(model.inputs, model.outputs).save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("pxr.json", json.dumps(card))


def test_a_card_that_lost_its_digest_is_refused_but_an_old_card_without_digest_is_read(saved):
    model, folder = saved
    write_card(model, folder / "model.keras", CARD)  # as in versions before 0.3
    assert load_classifier(folder / "model.keras")[1] == CARD
    write_card(model, folder / "model.keras", CARD | {"kind": "transfer"})
    with refused(any_of("changed"), "pxr.json", any_of("digest")):
        load_classifier(folder / "model.keras")


@pytest.mark.parametrize("card", [{}, {"classes": ["a"]}, CARD | {"image": {"size": SIZE}}, CARD | {"classes": []}])
def test_a_card_without_classes_or_image_is_refused(saved, card):
    save_classifier(saved[0], saved[1] / "model.keras", card)
    with refused("pxr.json", "classes", "image", "size", "resize"):
        load_classifier(saved[1] / "model.keras")
