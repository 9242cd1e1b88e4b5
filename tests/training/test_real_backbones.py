"""Train the paper's backbones, at their smallest size, for one step of each strategy of the paper (slow)."""

import numpy as np
import pytest

from pxr_tf.config import load_experiment
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.classifier import build_classifier, feature_extractor
from pxr_tf.pictures.inputs import Inputs
from pxr_tf.pictures.stream import make_training_stream
from pxr_tf.training.phases import PhaseData, run_phases
from pxr_tf.vocabulary.model import Head

TARGETS = np.eye(4, dtype=np.float32)[:2]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["strategy1", "strategy2", "strategy3"])
@pytest.mark.parametrize("name", ["resnet50", "inception_v3", "inception_resnet_v2", "xception"])
def test_a_paper_backbone_goes_through_a_step_of_each_phase(name, variant, tmp_path):
    experiment = load_experiment("bozickovic2021", {"model.backbone": name}, variant=variant)
    size = BACKBONES[name].smallest
    pictures = np.random.default_rng(0).integers(0, 256, (2, size, size, 1)).astype(np.uint8)
    options = {
        "num_classes": 4,
        "image_size": size,
        "weights": "none",
        "head": Head(dropout=experiment.model.head.dropout),
    }
    model = build_classifier(BACKBONES[name], **options)
    extractor = feature_extractor(model)
    features = extractor.predict_on_batch(pictures)
    before = [weight.numpy().copy() for weight in extractor.weights]
    unmoved: list[bool] = []

    def data_for(phase):
        inputs = features if phase.train == "head" else pictures
        unmoved.append(all(np.array_equal(old, new) for old, new in zip(before, extractor.weights, strict=True)))
        options = {"batch_size": 2, "seed": 0, "phase": phase.name}
        stream = make_training_stream(Inputs(inputs, np.arange(len(inputs))), TARGETS, **options)
        return PhaseData(lambda first_epoch: stream, 1, None)

    once = {phase.name: 1 for phase in experiment.phases}
    checkpoint = tmp_path / "checkpoint.npz"
    chosen, history = run_phases(
        model, experiment.phases, data_for, epochs=once, checkpoint=checkpoint, xla=False, emit=lambda event: None
    )
    assert chosen == once
    assert np.isfinite([row["loss"] for row in history]).all()
    assert unmoved == [True] * len(experiment.phases)  # the head's phase does not change the backbone
    assert not all(np.array_equal(old, new) for old, new in zip(before, extractor.weights, strict=True))
