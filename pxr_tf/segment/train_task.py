"""Train a network that finds lungs, as a task: a pure function of a folder of pairs. Loads TensorFlow."""

from collections.abc import Sequence
from dataclasses import replace

from pxr_tf.events import OnEvent, emit_progress
from pxr_tf.lungs.atlas import LungPair
from pxr_tf.lungs.network import LungNetwork, Origin, make_network, write_network
from pxr_tf.models.unet import WIDTHS
from pxr_tf.segment.train import TrainLungNetwork, hold_out, judge, read_small
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up
from pxr_tf.training.lung_network import OnStep, train_lung_network


def train_network_file(task: Task, options: TrainLungNetwork, emit: OnEvent) -> None:
    """Train a network on a folder of pairs, judge it by pairs that are held out, and write it. Raises `PxrError`."""
    learned, held_out = hold_out(read_small(options.pairs), options.about["seed"])
    network = train_network(
        learned,
        options.about,
        lambda done, steps, loss: emit_progress(emit, f"loss {loss:.3f}", done, steps),
    )
    quality = judge(network, held_out)
    write_network(options.out, replace(network, about={**network.about, **quality}))


def train_network(pairs: Sequence[LungPair], about: Origin, on_step: OnStep) -> LungNetwork:
    """Return the network of these pairs, with the steps and the seed of `train.describe_training`."""
    set_up(False, "float32")
    graph = train_lung_network(pairs, steps=about["steps"], seed=about["seed"], widths=WIDTHS, on_step=on_step)
    return make_network(graph, about)
