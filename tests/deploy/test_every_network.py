"""Every kind of network that pxr saves answers the same in every format."""

from types import SimpleNamespace

import numpy as np
import pytest
from tiny_networks import NETWORKS, PICTURES

from pxr_tf.deploy.formats import FORMATS, module_of
from pxr_tf.deploy.graph import build_answer


@pytest.mark.slow
@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_answers_the_same_in_a_format(name, to, tmp_path):
    for module in FORMATS[to].needs:
        pytest.importorskip(module)
    model = NETWORKS[name]()
    run = SimpleNamespace(load_model=lambda fold: (model, {"mirror_predictions": True}))
    answer = build_answer(run, ("0",), 1.7)
    path = tmp_path / f"network{FORMATS[to].ending}"
    module_of(to).write(answer, {"classes": ["a", "b"]}, path)
    pictures = PICTURES[..., None]
    np.testing.assert_allclose(module_of(to).load(path)(pictures), np.asarray(answer(pictures)), atol=1e-5)
