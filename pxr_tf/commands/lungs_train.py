"""``pxr lungs train``: a network that finds lungs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pxr_tf.commands.options import Runs
from pxr_tf.commands.running import make_console


def lungs_train(
    pairs: Annotated[
        str, typer.Argument(help="Folder with images/NAME.jpg and masks/NAME.png (white = lung).", metavar="PAIRS")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The file to write. Default: RUNS/lungs/<name of PAIRS>-unet.npz.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Steps of training, 12 pictures each. Default: 900.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seed of weights and of how pictures are changed.")
    ] = 0,
    runs: Runs = Path("runs"),
) -> None:
    """Train a network that finds lungs on pairs of an X-ray and its lungs; write it to one file, for --atlas.

    Takes minutes. A training that is stopped writes nothing; the same command starts anew.
    """
    from pxr_tf.errors import PxrError
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.lungs.network import STEPS
    from pxr_tf.report.steps import show_steps
    from pxr_tf.segment.train import write_lung_network

    if not pairs.strip():
        raise PxrError("No PAIRS were given. Set ATLAS=folder (pxr lungs train FOLDER) with images/ and masks/.")
    console, executor, folder = make_console(), choose_executor(), Path(pairs)
    out = out or runs / "lungs" / f"{folder.resolve().name}-unet.npz"
    try:
        with show_steps(console, "lung network") as show:

            def listen(event: Mapping[str, Any]) -> None:
                if event["event"] == "progress":
                    show(event["done"], event["total"], event["what"])
                if event["event"] == "wait":
                    console.print(f"Waiting for {event['holder']}, which writes {out}.", markup=False)

            logs = runs / "lungs" / "logs"
            new = write_lung_network(
                folder, out, steps=steps or STEPS, seed=seed, executor=executor, logs=logs, on_event=listen
            )
    finally:
        executor.close()
    said = f"Network: {out}; find lungs by it with --atlas {out}" if new else f"Nothing to do: {out} is this network."
    console.print(said, markup=False, soft_wrap=True)
