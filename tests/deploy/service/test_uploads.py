"""A picture in memory is prepared to the byte as its file, with any crop."""

from types import SimpleNamespace

import numpy as np
import pytest
from lung_pictures import write_chests
from messages import refused
from tiny import tiny_experiment
from tiny_lung_network import tiny_network

from pxr_tf.files import digest_file
from pxr_tf.inference.uploads import Preparer
from pxr_tf.lungs.network import write_network
from pxr_tf.pictures.lung_source import open_source
from pxr_tf.runs.crop import make_loader, preparation_of


@pytest.mark.parametrize("crop", ["none", "lungs", "lungs_only", "without_lungs"])
def test_uploads_are_prepared_as_files(tmp_path, crop, strangers):
    network = tmp_path / "lungs.network"
    write_network(network, tiny_network())
    cropped = {"image__crop": crop, "image__atlas": str(network)} if crop != "none" else {}
    image = tiny_experiment(**cropped).image
    table = write_chests(tmp_path, range(3))
    source = open_source(str(network), None, table, tmp_path)
    identity = source.identity if crop != "none" else None
    run = SimpleNamespace(recipe=SimpleNamespace(image=image), lung_identity=identity, cache=tmp_path, folder=tmp_path)
    preparer = Preparer(run).open()
    preparation, said = preparation_of(image, identity), []
    paths = [*table.path, *map(str, strangers)]  # PNG and JPEG
    load = make_loader(preparation, image, paths, tmp_path, said.append)
    for path in paths:
        said.clear()
        with open(path, "rb") as file:
            prepared = preparer.prepare(file.read())
        np.testing.assert_array_equal(prepared.pixels, load(path))
        assert bool(prepared.whole) == bool(said)
        assert prepared.content == digest_file(path)


def test_a_run_that_crops_by_given_masks_is_refused(tmp_path):
    image = tiny_experiment(image__crop="lungs", image__masks="data").image
    run = SimpleNamespace(recipe=SimpleNamespace(image=image), lung_identity="masks", cache=tmp_path, folder=tmp_path)
    with refused("image.masks"):
        Preparer(run).open()
