"""``pxr lungs train``: train a network that finds lungs."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def lungs_train(options: OptionValues) -> None:
    """Train a network that finds lungs, on pairs of an X-ray and its lung mask; write it to one file, for --atlas.

    One pair of six is held out from training; the command prints how well the lungs of these pairs are found. Takes
    minutes. If it is stopped, nothing is written; the same command starts again from the beginning.
    """
    from pxr_tf.commands.typed import name_program
    from pxr_tf.errors import PxrError
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.lungs.network import TRAINING_STEPS, read_network
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.progress import show_steps
    from pxr_tf.segment.train import describe_quality, write_lung_network

    if not options.pairs.strip():
        raise PxrError("No PAIRS were given; accepted: a folder with images/ and masks/ (ATLAS=folder).")
    console, executor, folder = make_console(), choose_executor(), Path(options.pairs)
    out = options.out or options.runs / "lungs" / f"{folder.resolve().name}-unet.npz"
    try:
        with show_steps(console, "lung network") as show:

            def listen(event: Mapping[str, Any]) -> None:
                if event["event"] == "progress":
                    show(event["done"], event["total"], event["what"])
                if event["event"] == "wait":
                    console.print(f"Waiting for {event['holder']}, which writes the same file.", markup=False)

            logs = options.runs / "lungs" / "logs"
            new = write_lung_network(
                folder,
                out,
                steps=options.steps or TRAINING_STEPS,
                seed=options.seed,
                executor=executor,
                logs=logs,
                on_event=listen,
            )
    finally:
        executor.close()
    print_paths(console, "Network:" if new else "Nothing to do: this network is up to date:", out)
    if new:
        option = "--atlas " if name_program() == "pxr" else "ATLAS="
        print_paths(console, "To use it, add:", f"{option}{shlex.quote(str(out))}")
    quality = describe_quality(read_network(out).about)
    if quality:
        console.print(quality, markup=False)
