"""Which methods a network is explained by, before anything is loaded."""

import pytest
from tiny import tiny_experiment

from pxr_tf.errors import PxrError
from pxr_tf.galleries.check_options import DEFAULT, choose_methods
from pxr_tf.models.saved_layers import SavedLayer

SWISH = [SavedLayer("stem", "Conv2D", "swish", (None, 8, 8, 4)), SavedLayer("top", "Dense", "softmax", ())]


def test_a_network_without_a_rectifier_is_not_explained_by_guided_gradients(two_layers):
    experiment = tiny_experiment()
    methods, notes = choose_methods((), None, experiment, SWISH)
    assert methods == tuple(name for name in DEFAULT if name != "guided_grad_cam")
    assert notes == ("two_layers has no rectifier (ReLU or the like) below its head, so guided_grad_cam is left out.",)
    with pytest.raises(PxrError, match="--methods received guided_grad_cam, which needs a rectifier .* grad_cam, "):
        choose_methods(("saliency", "guided_grad_cam"), None, experiment, SWISH)
    for layers in ([SWISH[0]._replace(activation="relu6")], []):  # of an unreadable file nothing is known
        assert choose_methods((), None, experiment, layers) == (DEFAULT, ())
    with pytest.raises(PxrError, match="no layer 'stm'.* Did you mean 'stem'"):
        choose_methods((), "stm", experiment, SWISH)
