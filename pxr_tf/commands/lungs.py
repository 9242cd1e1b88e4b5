"""``pxr lungs``: find the lungs in chest X-rays. Its first word may be ``train``: see `lungs_train`."""

from pathlib import Path
from typing import Annotated

import typer

from pxr_tf.commands.options import Runs, split_paths
from pxr_tf.commands.running import make_console

Data = Annotated[
    str,
    typer.Argument(
        help="Data sets, comma-separated, or any folders of pictures; one that is called train is ./train.",
        metavar="DATA",
    ),
]
Atlas = Annotated[
    str,
    typer.Option(
        help="What lungs are found by: builtin (phantoms), a folder with images/NAME.jpg and masks/NAME.png, or a "
        "file that `pxr lungs train` wrote."
    ),
]
Out = Annotated[Path | None, typer.Option(help="Where to write. Default: RUNS/lungs/<name of DATA>.")]
Masks = Annotated[Path | None, typer.Option(help="Folder of masks that come with the data: read, not computed.")]


def lungs(
    data: Data, atlas: Atlas = "builtin", out: Out = None, masks: Masks = None, runs: Runs = Path("runs")
) -> None:
    """Find the lungs in pictures: masks, boxes and confidence, and a sheet to look at.

    Needs no trained network; `pxr lungs train PAIRS` makes one, better on films of adults than the built-in atlas.
    """
    from pxr_tf.lungs.confidence import TRUSTED
    from pxr_tf.machine import processors
    from pxr_tf.pictures.given_masks import find_given
    from pxr_tf.pictures.lung_source import open_lung_finder
    from pxr_tf.report.lung_sheet import summarise_lungs, write_lung_sheet
    from pxr_tf.report.steps import show_steps
    from pxr_tf.segment.masks import LUNG_TABLE, write_lungs
    from pxr_tf.sets.any_pictures import list_pictures

    console = make_console()
    named, notes = list_pictures(split_paths(data))
    for note in notes:
        console.print(note, markup=False)
    out = out or runs / "lungs" / "-".join(Path(path).resolve().stem for path in split_paths(data))
    given = find_given(named, masks) if masks else {}
    with show_steps(console, "lungs") as on_progress:
        table = write_lungs(
            named,
            open_lung_finder(atlas, runs / "cache"),
            out,
            given=given,
            processes=processors(),
            on_progress=on_progress,
            on_wait=lambda holder: console.print(f"Waiting for {holder}, which writes to {out}.", markup=False),
        )
    sheet = write_lung_sheet(out, table, named)
    for line in summarise_lungs(table, TRUSTED):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"Table: {out / LUNG_TABLE}" + (f"; look at {sheet}" if sheet else ""), markup=False, soft_wrap=True)
