"""``pxr data``: describe data sets."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def data(options: OptionValues) -> None:
    """Describe data sets: images, patients, encodings, duplicates, and possible shortcuts."""
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.data.patients import add_content
    from pxr_tf.pictures.dicom_notes import read_films
    from pxr_tf.pictures.survey import survey
    from pxr_tf.report.data_tables import print_survey
    from pxr_tf.report.progress import show_steps
    from pxr_tf.sets.find import read_sources

    table, notes = read_sources(split_paths(options.data))
    console = make_console()
    table, more = read_films(table)
    for note in [*notes, *more]:
        console.print(note, markup=False)
    with show_steps(console, "reading files") as on_progress:
        table = add_content(table, on_progress)
    with show_steps(console, "reading images") as on_progress:
        found = survey(table, on_progress=on_progress)
    print_survey(console, found)
