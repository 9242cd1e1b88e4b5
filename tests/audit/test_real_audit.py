"""What an audit finds in public sets: the encoder of the full-size files, and two populations of normal images."""

import pytest

from pxr_tf.audit.gather import material_of_data
from pxr_tf.audit.population import check_population
from pxr_tf.audit.probes import check_probes
from pxr_tf.executors.inline import Inline

pytestmark = pytest.mark.real


def test_normal_files_at_full_size_are_told_by_their_encoding(real_data, tmp_path):
    found = check_probes(material_of_data([real_data / "chest_xray_fullres"], tmp_path, Inline()))
    (facts,) = [one for one in found.findings if (one.subject, one.figure) == ("normal", "AUC of file facts")]
    assert facts.grade == "critical"
    assert facts.value > 0.9


def test_the_official_split_has_two_populations_of_normal_images(real_data, tmp_path):
    found = check_population(material_of_data([real_data / "chest_xray"], tmp_path, Inline()))
    normal, bacterial = (next(one for one in found.findings if one.subject == name) for name in ("normal", "bacterial"))
    assert normal.grade == "critical"
    assert 0.8 < normal.low < normal.value < 0.92
    assert bacterial.value < normal.value
