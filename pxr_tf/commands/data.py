"""``pxr data``: describe data sets."""

from typing import Annotated

import typer

from pxr_tf.commands.options import DATA_HELP, split_paths
from pxr_tf.commands.running import make_console


def data(
    paths: Annotated[str, typer.Argument(help=DATA_HELP, metavar="DATA")],
) -> None:
    """Describe data: images, patients, encodings, duplicates, and what a network could cheat with."""
    from pxr_tf.pictures.survey import survey
    from pxr_tf.report.data_tables import print_survey
    from pxr_tf.sets.find import read_sources

    table, notes = read_sources(split_paths(paths))
    console = make_console()
    for note in notes:
        console.print(note, markup=False)
    print_survey(console, survey(table))
