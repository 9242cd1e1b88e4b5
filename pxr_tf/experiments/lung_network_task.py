"""Training a network that finds lungs, as a task: a pure function of a folder of pairs. It loads TensorFlow."""

from pathlib import Path

from pxr_tf.events import OnEvent, tell_progress
from pxr_tf.experiments.lung_network import read_small
from pxr_tf.experiments.tasks import Task
from pxr_tf.lungs.network import make_network, write_network
from pxr_tf.models.unet import WIDTHS
from pxr_tf.training.device import set_up
from pxr_tf.training.lung_network import train_lung_network


def train(task: Task, emit: OnEvent) -> None:
    """Write the file ``out``: a network trained on the folder ``pairs``, as ``about`` says. Raises `PxrError`."""
    about = task.options["about"]
    set_up(False, "float32")
    pairs = read_small(Path(task.options["pairs"]))
    graph = train_lung_network(
        pairs,
        steps=about["steps"],
        seed=about["seed"],
        widths=WIDTHS,
        on_step=lambda done, steps, loss: tell_progress(emit, f"loss {loss:.3f}", done, steps),
    )
    write_network(Path(task.options["out"]), make_network(graph, about))
