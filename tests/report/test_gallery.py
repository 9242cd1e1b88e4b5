"""What a sheet says about its methods and its run."""

import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_says

from pxr_tf.explain.maps_file import PictureMaps, write_maps
from pxr_tf.galleries.run import Explained
from pxr_tf.galleries.sheet import Checked
from pxr_tf.galleries.write import checked_words, make_sheet
from pxr_tf.runs.info import RunInfo


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["not measured", "not measured"], Checked("not checked")),
        (["passed", "passed", "not measured"], Checked("passed all 2 checks")),
        (["passed", "not measured"], Checked("passed 1 of 1 check")),
        (["passed", "failed", "passed", "not measured"], Checked("failed 1 of 3 checks", True)),
        (["passed", "undecided"], Checked("passed 1 of 2 checks")),
    ],
)
def test_the_checks_of_a_method_are_summarised_in_words(states, expected):
    means = pd.DataFrame({"method": ["grad_cam"], "state": [""]})  # not a verdict
    checks = pd.concat([pd.DataFrame({"method": "grad_cam", "state": states}), means])
    assert checked_words(checks) == {"grad_cam": expected}


def test_a_sheet_notes_permuted_labels_and_unchecked_methods(tmp_path):
    picture, maps = np.zeros((8, 8), np.uint8), {"saliency": np.ones((8, 8), np.float32)}
    write_maps(tmp_path / "m.npz", PictureMaps({"methods": ["saliency"]}, picture, maps, maps))
    row = {
        "image_id": "a", "label": "normal", "predicted": "normal", "p_predicted": 0.9, "explained": "normal",
        "p_explained": 0.9, "pass_predicted": "normal", "pass_p_explained": 0.9, "copy_of": "", "fold": "0",
        "role": "test", "method": "saliency", "layer": "", "maps": "m.npz",
    }  # fmt: skip
    explained = Explained(tmp_path, "", pd.DataFrame(), ("saliency",), ("normal",), "predicted", None, None, 1, {})
    info = RunInfo("r", "m", "v", ("normal",), "all", None, permuted=True)
    sheet = make_sheet(pd.DataFrame([row]), explained, {}, info)
    (note,) = sheet.notes
    assert_says(note, any_of("permuted labels"), any_of("maps"), any_of("disease"))
    assert [drawn.checked.words for drawn in sheet.maps] == ["not checked"]
    assert make_sheet(pd.DataFrame([row]), explained, {}, info._replace(permuted=False)).notes == []
