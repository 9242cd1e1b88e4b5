"""Which methods explain a network, chosen before anything is loaded."""

from messages import any_of, assert_says, matching, nearest, refused
from tiny import tiny_experiment

from pxr_tf.galleries.check_options import DEFAULT, choose_methods
from pxr_tf.models.saved_layers import SavedLayer

SWISH = [SavedLayer("stem", "Conv2D", "swish", (None, 8, 8, 4)), SavedLayer("top", "Dense", "softmax", ())]


def test_guided_gradients_do_not_explain_a_network_without_a_rectifier(two_layers):
    experiment = tiny_experiment()
    methods, notes = choose_methods((), None, experiment, SWISH)
    assert methods == tuple(name for name in DEFAULT if name != "guided_grad_cam")
    (note,) = notes
    assert_says(note, "two_layers", any_of("rectifier"), "ReLU", "guided_grad_cam")
    with refused("--methods", "guided_grad_cam", any_of("rectifier"), matching("grad_cam, ")):
        choose_methods(("saliency", "guided_grad_cam"), None, experiment, SWISH)
    for layers in ([SWISH[0]._replace(activation="relu6")], []):  # empty: the model file is unreadable
        assert choose_methods((), None, experiment, layers) == (DEFAULT, ())
    with refused("layer", "'stm'", nearest("'stem'")):
        choose_methods((), "stm", experiment, SWISH)
