"""``pxr lungs``: find the lungs in chest X-rays. Its first word may be ``train``: see `lungs_train`."""

from pathlib import Path

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def lungs(options: OptionValues) -> None:
    """Find the lungs in pictures: masks, boxes and confidence, and a sheet to look at.

    The built-in atlas needs no training; a network from `pxr lungs train PAIRS` is better on films of adults.
    """
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.lungs.confidence import TRUSTED
    from pxr_tf.machine import processors
    from pxr_tf.pictures.given_masks import find_given
    from pxr_tf.pictures.lung_source import open_lung_finder
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.lung_sheet import SHEET, summarise_lungs, write_lung_sheet
    from pxr_tf.report.progress import show_steps
    from pxr_tf.segment.masks import LUNG_TABLE, write_lungs
    from pxr_tf.sets.any_pictures import list_pictures

    console, paths = make_console(), split_paths(options.data)
    named, notes = list_pictures(paths)
    for note in notes:
        console.print(note, markup=False)
    folders = [Path(path).expanduser().resolve() for path in paths]
    out = options.out or options.runs / "lungs" / "-".join(folder.stem for folder in folders)
    given = find_given(named, options.masks) if options.masks else {}
    with show_steps(console, "lungs") as on_progress:
        table = write_lungs(
            named,
            open_lung_finder(options.atlas, options.runs / "cache"),
            out,
            data=[str(folder) for folder in folders],
            given=given,
            processes=processors(),
            on_progress=on_progress,
            on_wait=lambda holder: console.print(
                f"Waiting for {holder}, which writes to the same folder.", markup=False
            ),
            draw=lambda table: write_lung_sheet(out, table, named),
        )
    for line in summarise_lungs(table, TRUSTED):
        console.print(line, markup=False)
    print_paths(console, "Table:", out / LUNG_TABLE)
    if (out / SHEET).exists():
        print_paths(console, "Look at:", out / SHEET)
